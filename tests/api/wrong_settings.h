/* Settings that make no run, each wrong in one value alone, and what its refusal must say. */
#ifndef TESTS_WRONG_SETTINGS_H
#define TESTS_WRONG_SETTINGS_H

#include "refusals.h"

#define RUN(member, value, word) VALUE(tl_settings, member, value, word)

static const wrong_value wrong_for_all[] = {
    RUN(model.op, 9, "no operation 9"),
    RUN(model.op, -1, "no operation -1"),
    RUN(model.arch, 9, "no model architecture 9"),
    RUN(model.positions, 9, "no kind of positions 9"),
    RUN(model.positions, -1, "no kind of positions -1"),
    RUN(model.sharing, 9, "no sharing of offsets 9"),
    RUN(model.sharing, TL_SHARING_CLIP, "nothing to share"),
    RUN(model.relative, 9, "relative roles are 9"),
    RUN(model.relative, TL_ROLE_V, "no relative roles"),
    RUN(model.translution_layers, 1, "no hybrid"),
    RUN(model.dim, 0, "dim is 0"),
    RUN(model.dim, UINT32_MAX, "dim is"),
    RUN(model.depth, 0, "depth is 0"),
    RUN(model.depth, UINT32_MAX, "depth is"),
    RUN(model.heads, 0, "heads is 0"),
    RUN(model.heads, UINT32_MAX, "heads is"),
    RUN(model.head_dim, 0, "head_dim is 0"),
    RUN(model.head_dim, UINT32_MAX, "head_dim is"),
    RUN(model.mlp_dim, 0, "mlp_dim is 0"),
    RUN(model.mlp_dim, UINT32_MAX, "mlp_dim is"),
    RUN(training.motion, 9, "no placement of digits 9"),
    RUN(training.test_motion, 9, "no placement of digits 9"),
    RUN(training.test_motion, -1, "no placement of digits -1"),
    RUN(training.seed, UINT64_MAX, "seed takes a whole number from 0 to 9007199254740991"),
    RUN(training.epochs, 0, "epochs takes a whole number from 1"),
    RUN(training.epochs, UINT64_MAX, "epochs takes"),
    RUN(training.steps, UINT64_MAX, "steps takes a whole number from 1"),
    RUN(training.batch_size, 0, "batch_size takes a whole number from 1 to 1048576, not '0'"),
    RUN(training.batch_size, UINT32_MAX, "batch_size takes"),
    RUN(training.schedule, 9, "no schedule 9"),
    RUN(training.schedule_version, 0, "schedule_version takes a whole number from 1 to 2, not '0'"),
    RUN(training.schedule_version, 9, "schedule_version takes"),
    RUN(training.warmup, UINT64_MAX, "warmup takes"),
    RUN(run.recompute, 9, "no choice of recomputation 9"),
    RUN(run.stop_after, UINT64_MAX, "stop_after takes"),
    RUN(run.checkpoint_every, UINT64_MAX, "checkpoint_every takes"),
    RUN(run.checkpoint_minutes, -1, "checkpoint_minutes takes a number from 0"),
    RUN(run.eval_every, UINT64_MAX, "eval_every takes"),
    RUN(run.keep, UINT64_MAX, "keep takes"),
    RUN(run.workers, UINT32_MAX, "workers takes a whole number from 0 to 1024"),
    RUN(run.init_partial, true, "init"),
    RUN(task[0], 'x', "unknown task 'x"),
    RUN(task[0], '\0', "unknown task ''"),
};

static const wrong_value wrong_for_images[] = {
    RUN(model.arch, TL_ARCH_GPT, "sequence length"),
    RUN(model.pool, 9, "no pooling 9"),
    RUN(model.image_height, 0, "image height is 0"),
    RUN(model.image_height, UINT32_MAX, "image height is"),
    RUN(model.image_width, 0, "image width is 0"),
    RUN(model.image_width, UINT32_MAX, "image width is"),
    RUN(model.image_depth, UINT32_MAX, "image depth is"),
    RUN(model.channels, 0, "image channels is 0"),
    RUN(model.channels, 2, "channel"),
    RUN(model.patch_height, 0, "patch height is 0"),
    RUN(model.patch_height, 13, "cannot be cut into patches"),
    RUN(model.patch_width, 0, "patch width is 0"),
    RUN(model.patch_width, UINT32_MAX, "patch width is"),
    RUN(model.patch_depth, 3, "slices or frames"),
    RUN(model.classes, 0, "classes is 0"),
    RUN(model.classes, UINT32_MAX, "classes is"),
};

static const wrong_value wrong_for_text[] = {
    RUN(model.arch, TL_ARCH_VIT, "image"),
    RUN(model.seq_len, 0, "sequence length is 0"),
    RUN(model.seq_len, UINT32_MAX, "sequence length is"),
    RUN(model.vocab_size, 0, "vocabulary size is 0"),
    RUN(model.vocab_size, 5, "too small"),
    RUN(model.vocab_size, UINT32_MAX, "vocabulary size is"),
    RUN(training.samples_per_epoch, 0, "0 windows"),
    RUN(training.samples_per_epoch, UINT64_MAX, "samples_per_epoch takes"),
};

#endif
