/* The program from outside: exit codes, messages, and the JSON line. Every error path has its case here. */
#include "program.h"
#include "test.h"

#include <zlib.h>

/* A model and a run as small as they can be: three steps of 16 images. */
#define SMALL "--dim", "16", "--depth", "1", "--heads", "2", "--head-dim", "8"
#define SHORT SMALL, "--batch-size", "16", "--limit-train", "48", "--limit-test", "32"
#define THREE SHORT, "--steps", "3"

/* ---- usage --------------------------------------------------------------------------------------- */

static void test_help_and_version(void **state)
{
    RUN(NO_ENV, "--version");
    EXPECT(0, "");
    assert_non_null(strstr(seen.out, "translution 0."));
    RUN(NO_ENV, "--help");
    EXPECT(0, "");
    assert_non_null(strstr(seen.out, "translution train mnist"));
    static const char *const commands[] = {"devices", "train", "eval", "info"};
    for (int i = 0; i < 4; i++) {
        RUN(NO_ENV, commands[i], "--help");
        EXPECT(0, "");
        assert_true((strstr(seen.out, "--device SPEC") != NULL) == (i == 1 || i == 2));
        assert_null(strstr(seen.out, "kernel-path"));
        RUN(NO_ENV, commands[i], "--version");
        EXPECT(0, "");
        assert_non_null(strstr(seen.out, "translution 0."));
    }
    RUN(NO_ENV, "train", "--help");
    assert_non_null(strstr(seen.out, "--memory-limit BYTES"));
}

static void test_usage_errors(void **state)
{
    finish(start(NO_ENV, (const char *const[]){NULL}));
    EXPECT(2, "translution train mnist");
    RUN(NO_ENV, "dance");
    FAILS(2, "unknown command 'dance'", "--help");
    RUN(NO_ENV, "--dance");
    FAILS(2, "unknown flag --dance");
    RUN(NO_ENV, "train");
    FAILS(2, "needs a task");
    RUN(NO_ENV, "train", "poetry");
    FAILS(2, "unknown task 'poetry'");
    RUN(NO_ENV, "train", "mnist", "mnist");
    FAILS(2, "one word too many");
    RUN(NO_ENV, "eval");
    FAILS(2, "needs a checkpoint");
    RUN(NO_ENV, "info");
    FAILS(2, "needs a checkpoint");
    RUN(NO_ENV, "devices", "here");
    FAILS(2, "'here'");
    RUN(NO_ENV, "train", "mnist", "--dance=3");
    FAILS(2, "unknown flag --dance=3", "train --help");
    RUN(NO_ENV, "train", "mnist", "-z");
    FAILS(2, "unknown flag -z", "train --help");
    RUN(NO_ENV, "train", "mnist", "--st", "3");
    FAILS(2, "ambiguous flag --st");
    RUN(NO_ENV, "eval", "x", "--epochs", "3");
    FAILS(2, "unknown flag --epochs", "eval --help");
    RUN(NO_ENV, "train", "mnist", "--epochs");
    FAILS(2, "--epochs needs a value");
    RUN(NO_ENV, "train", "mnist", "--resume=yes");
    FAILS(2, "--resume takes no value");
}

static void test_values(void **state)
{
    static const char *const whole[] = {
        "", "x", "3x", " 3", "-1", "+3", "0x10", "1.5", "99999999999999999999"};
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        RUN(NO_ENV, "train", "mnist", "--epochs", whole[i]);
        FAILS(2, "--epochs takes a whole number", whole[i]);
    }
    static const char *const real[] = {"", "x", "1e", "nan", "inf", "-1", "0x1p3", " 1", "1 ", "1e9"};
    for (size_t i = 0; i < sizeof real / sizeof real[0]; i++) {
        RUN(NO_ENV, "train", "mnist", "--lr", real[i]);
        FAILS(2, "--lr takes a number", real[i]);
    }
    RUN(NO_ENV, "train", "mnist", "--steps", "10", "--warmup", "10", "--dry-run");
    FAILS(2, "--warmup 10 is not shorter than the run of 10 steps");
    RUN(NO_ENV, "train", "mnist", "--batch-size", "0");
    FAILS(2, "--batch-size takes a whole number from 1");
    RUN(NO_ENV, "train", "mnist", "--memory-limit", "3X");
    FAILS(2, "--memory-limit");
    RUN(NO_ENV, "train", "mnist", "--op", "convolution");
    FAILS(2, "--op takes attention|translution|alpha", "'convolution'");
    RUN(NO_ENV, "train", "mnist", "--op", "alpha", "--relative", "vk");
    FAILS(2, "--relative takes q|k|v|qk|qv|kv|qkv", "'vk'");
    RUN(NO_ENV, "train", "mnist", "--relative", "kv");
    FAILS(2, "--relative means nothing to this model of the operation attention", "translution, alpha");
    RUN(NO_ENV, "train", "mnist", "--translution-layers", "2");
    FAILS(2, "--translution-layers means nothing to this model of the operation attention",
          "translution, alpha");
    RUN(NO_ENV, "train", "mnist", "--op", "translution", "--translution-layers", "7");
    FAILS(2, "7 Translution layers", "depth of 6");
    RUN(NO_ENV, "train", "mnist", "--op", "translution", "--pos", "rope");
    FAILS(2, "translution takes the positions none or learned, not rope", "choose attention or alpha");
    RUN(NO_ENV, "train", "mnist", "--pos", "rope", "--head-dim", "6");
    FAILS(2, "rotary positions need a head_dim", "multiple of 4");
    RUN(NO_ENV, "train", "mnist", "--op", "conv");
    FAILS(2, "--op conv takes an odd --window", "not 0");
    RUN(NO_ENV, "train", "mnist", "--op", "conv", "--window", "4");
    FAILS(2, "--op conv takes an odd --window", "not 4");
    RUN(NO_ENV, "train", "mnist", "--op", "alpha", "--offset-sharing", "clip:x");
    FAILS(2, "--offset-sharing takes none|clip:R|log:R", "'clip:x'");
    RUN(NO_ENV, "train", "mnist", "--op", "alpha", "--offset-sharing", "log:0");
    FAILS(2, "--offset-sharing takes none|clip:R|log:R", "'log:0'");
    RUN(NO_ENV, "train", "mnist", "--op", "absolute", "--window", "1");
    FAILS(2, "absolute has a matrix for every pair", "no window");
    RUN(NO_ENV, "train", "mnist", "--op", "translution", "--pos", "swin");
    FAILS(2, "not swin", "choose attention for those");
    RUN(NO_ENV, "train", "mnist", "--pos", "spiral");
    FAILS(2, "--pos takes none|learned|rope|swin|shaw", "'spiral'");
    RUN(NO_ENV, "train", "mnist", "--size", "huge");
    FAILS(2, "--size takes tiny|mini|small|base|large");
    RUN(NO_ENV, "train", "mnist", "--out", "");
    FAILS(2, "--out takes a value that is not empty");
    RUN(NO_ENV, "train", "mnist", "--classes", "9");
    FAILS(2, "--classes 9");
    RUN(NO_ENV, "train", "mnist", "--image-size", "85");
    FAILS(2, "85", "12");
    RUN(NO_ENV, "train", "mnist", "--image-size", "84y60");
    FAILS(2, "--image-size takes N, HxW or DxHxW", "'84y60'");
    RUN(NO_ENV, "train", "mnist", "--grid", "7x7", "--image-size", "84");
    FAILS(2, "--grid and --image-size", "give one of them");
    RUN(NO_ENV, "train", "mnist", "--grid", "2x2", "--steps", "1", "--out", at("none"));
    FAILS(2, "do not fit a field of 24 x 24", "--image-size");
}

static double dry_params(void)
{
    EXPECT(0, "");
    cJSON *json = last_json();
    double params = number(json, "params");
    cJSON_Delete(json);
    return params;
}

/* A checkpoint knows its positions by the flag's word. */
static void test_positions(void **unused)
{
    static const char *const words[] = {"learned", "rope", "swin", "shaw", "convit"};
    for (int i = 0; i < 5; i++) {
        char line[64];
        RUN(NO_ENV, "train", "mnist", "--pos", words[i], SMALL, "--steps", "1", "--batch-size", "4",
            "--limit-train", "8", "--limit-test", "4", "--out", at(words[i]));
        EXPECT(0, "");
        RUN(NO_ENV, "info", at(words[i]));
        EXPECT(0, "");
        snprintf(line, sizeof line, "%-24s %s\n", "pos", words[i]);
        if (strstr(seen.out, line) == NULL) fail_msg("no %s in:\n%s", line, seen.out);
    }
}

/* Images that are not square, and grids of three axes. 49 patches, 13 x 13 offsets and 3, however they are called. */
static void test_grids(void **unused)
{
    RUN(NO_ENV, "train", "mnist", "--dry-run", "--op", "translution", "--grid", "7x7");
    assert_true(dry_params() == 116164138);
    RUN(NO_ENV, "train", "mnist", "--dry-run", "--op", "translution", "--image-size", "42x168",
        "--patch-size", "6x24");
    assert_true(dry_params() == 116164138);
    /* 7 * 15 * 15 + 3 offsets of three tables a block instead of 172 */
    RUN(NO_ENV, "train", "mnist", "--dry-run", "--op", "translution", "--grid", "4x8x8", "--patch-size",
        "1x12x12");
    assert_true(dry_params() == 116164138 + 6.0 * 3 * (7 * 15 * 15 + 3 - 172) * 192 * 192);
    RUN(NO_ENV, "train", "mnist", "--op", "alpha", "--image-size", "2x36x48", "--patch-size", "2x12x12",
        SMALL, "--steps", "2", "--batch-size", "4", "--limit-train", "8", "--limit-test", "4", "--motion",
        "dynamic", "--out", at("frames"));
    EXPECT(0, "");
    RUN(NO_ENV, "eval", at("frames"), "--limit-test", "4");
    EXPECT(0, "");
    RUN(NO_ENV, "info", at("frames"));
    EXPECT(0, "");
    assert_non_null(strstr(seen.out, "image_depth"));
}

static void test_tune(void **unused)
{
    RUN(NO_ENV, "tune", "now");
    FAILS(2, "tune takes no word", "'now'");
    RUN(NO_ENV, "train", "mnist", "--gemm", "blas");
    FAILS(2, "--gemm takes auto|own|clblast", "'blas'");
}

static void test_config(void **state)
{
    write_text("good.conf", "# a comment\n\n  op = alpha \nrelenc-dim=8\nresume = false\n");
    RUN(NO_ENV, "train", "mnist", "--dry-run", "--config", at("good.conf"));
    assert_true(dry_params() == 4590634);
    RUN(NO_ENV, "train", "mnist", "--dry-run", "--relenc-dim", "4", "--config", at("good.conf"));
    assert_true(dry_params() < 4590634); /* flags win */
    RUN(NO_ENV, "train", "mnist", "--config", at("none.conf"));
    FAILS(2, "none.conf", "No such file");
    write_text("bad.conf", "op = alpha\nspeed = 11\n");
    RUN(NO_ENV, "train", "mnist", "--config", at("bad.conf"));
    FAILS(2, "bad.conf:2: unknown key 'speed'");
    write_text("bad.conf", "op\n");
    RUN(NO_ENV, "train", "mnist", "--config", at("bad.conf"));
    FAILS(2, "bad.conf:1: a line must read `key = value`");
    write_text("bad.conf", "seed = 1\nepochs = many\n");
    RUN(NO_ENV, "train", "mnist", "--config", at("bad.conf"));
    FAILS(2, "bad.conf:2: epochs takes a whole number", "'many'");
    write_text("bad.conf", "config = good.conf\n");
    RUN(NO_ENV, "train", "mnist", "--config", at("bad.conf"));
    FAILS(2, "unknown key 'config'");
    write_text("bad.conf", "resume = maybe\n");
    RUN(NO_ENV, "train", "mnist", "--config", at("bad.conf"));
    FAILS(2, "resume takes true or false");
}

/* ---- the dry run --------------------------------------------------------------------------------- */

#define NO_PLATFORM "OCL_ICD_VENDORS=/nonexistent"

static void test_dry_run_counts(void **state)
{
    RUN(NO_ENV, "train", "mnist", "--dry-run", "--op", "attention");
    assert_true(dry_params() == 2706346);
    RUN(NO_ENV, "train", "mnist", "--dry-run", "--op", "alpha");
    assert_true(dry_params() == 4590634);
    RUN(NO_ENV, "train", "mnist", "--dry-run", "--op", "translution");
    assert_true(dry_params() == 116164138);
}

static void test_dry_run_needs_nothing(void **state)
{
    RUN(ENV(NO_PLATFORM), "train", "mnist", "--dry-run", "--op", "translution", "--data", "/nonexistent");
    EXPECT(0, "");
    cJSON *json = last_json();
    assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(json, "fits")));
    const cJSON *bytes = cJSON_GetObjectItemCaseSensitive(json, "bytes"), *kind;
    double sum = 0;
    cJSON_ArrayForEach(kind, bytes) sum += kind->valuedouble;
    assert_true(sum == number(json, "total_bytes"));
    assert_true(number(bytes, "parameters") == 4.0 * 116164138);
    assert_true(number(bytes, "moments") == 8.0 * 116164138);
    cJSON_Delete(json);
    assert_int_not_equal(access(at("runs"), F_OK), 0);
}

static void test_dry_run_fits(void **state)
{
    RUN(NO_ENV, "train", "mnist", "--dry-run", SMALL, "--batch-size", "64", "--memory-limit", "1M");
    EXPECT(0, "");
    cJSON *json = last_json();
    assert_true(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(json, "fits")));
    assert_true(number(json, "largest_batch") < 64);
    assert_true(number(json, "device_bytes") == 1048576);
    cJSON_Delete(json);
    assert_non_null(strstr(seen.out, "fits: no"));
    RUN(NO_ENV, "train", "mnist", "--dry-run", SMALL, "--batch-size", "1");
    EXPECT(0, "");
    json = last_json();
    assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "fits")));
    cJSON_Delete(json);
}

/* The plan says what is kept: q and k of pairs by every operation that keeps some, and by no other. */
static void test_dry_run_tells_what_is_kept(void **state)
{
    static const struct {
        const char *op, *relative; /* NULL: --relative is not given */
        bool keeps;
    } cases[] = {{"attention", NULL, false},  {"translution", NULL, true}, {"translution", "v", false},
                 {"translution", "kv", true}, {"alpha", NULL, false},      {"absolute", NULL, true},
                 {"absolute", "v", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].relative == NULL)
            RUN(NO_ENV, "train", "mnist", "--dry-run", SMALL, "--op", cases[i].op);
        else
            RUN(NO_ENV, "train", "mnist", "--dry-run", SMALL, "--op", cases[i].op, "--relative",
                cases[i].relative);
        EXPECT(0, "");
        cJSON *json = last_json();
        assert_int_equal(cJSON_HasObjectItem(json, "recompute"), cases[i].keeps);
        assert_int_equal(strstr(seen.out, "q and k of every pair are kept") != NULL, cases[i].keeps);
        cJSON_Delete(json);
    }
}

/* ---- devices ------------------------------------------------------------------------------------- */

/* The program with this environment alone. */
static void run_with_only(const char *environment, const char *arguments)
{
    char line[1200];
    snprintf(line, sizeof line, "env -i %s '%s' %s >'%s' 2>'%s'", environment, TL_PROGRAM, arguments,
             at("stdout"), at("stderr"));
    const int status = system(line);
    seen.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    read_file("stdout", seen.out, TEXT);
    read_file("stderr", seen.err, TEXT);
}

/* No platform is one thing, a platform that shows no device another. */
static void test_no_device(void **state)
{
    char line[600];
    assert_int_equal(mkdir(at("no-drivers"), 0700), 0);
    snprintf(line, sizeof line, "OCL_ICD_VENDORS=%s/", at("no-drivers"));
    run_with_only(line, "devices");
    FAILS(1, "no OpenCL device found", "install a driver", "pocl-opencl-icd", "OCL_ICD_VENDORS is set");
    if (access("/etc/OpenCL/vendors/pocl.icd", R_OK) != 0) return;
    static const char *const without_a_cache[] = {"POCL_CACHE_DIR=/proc/nowhere/x", "HOME=/proc/nowhere",
                                                  "XDG_CACHE_HOME=/proc/nowhere/x"};
    for (size_t i = 0; i < sizeof without_a_cache / sizeof without_a_cache[0]; i++) {
        snprintf(line, sizeof line, "OCL_ICD_VENDORS=/etc/OpenCL/vendors/pocl.icd %s", without_a_cache[i]);
        run_with_only(line, "devices");
        FAILS(1, "Portable Computing Language", "without a device", "POCL_CACHE_DIR");
        assert_null(strstr(seen.err, "install a driver"));
        run_with_only(line, "train mnist --steps 1 --limit-train 8");
        FAILS(1, "Portable Computing Language", "POCL_CACHE_DIR");
    }
}

/* PoCL alone, twice: the tests of --device must not depend on what else the machine has. */
#define POCL_ICD    "/etc/OpenCL/vendors/pocl.icd"
#define TWO_DEVICES "OCL_ICD_VENDORS=" POCL_ICD, "POCL_DEVICES=pthread pthread"

static void test_devices(void **state)
{
    RUN(NO_ENV, "devices");
    EXPECT(0, "");
    assert_non_null(strstr(seen.out, "0:0"));
    assert_non_null(strstr(seen.out, "usable: yes"));
    RUN(NO_ENV, "devices", "--json");
    EXPECT(0, "");
    assert_true(strchr(seen.out, '\n') == seen.out + strlen(seen.out) - 1);
    cJSON *json = last_json();
    assert_true(cJSON_IsArray(json) && cJSON_GetArraySize(json) > 0);
    assert_true(number(cJSON_GetArrayItem(json, 0), "global_bytes") > 0);
    cJSON_Delete(json);
}

static void test_no_platform(void **state)
{
    RUN(ENV(NO_PLATFORM), "devices");
    FAILS(1, "OpenCL");
    RUN(ENV(NO_PLATFORM), "devices", "--json");
    EXPECT(1, "OpenCL");
    assert_string_equal(seen.out, "[]\n");
    RUN(ENV(NO_PLATFORM), "train", "mnist", THREE);
    FAILS(1, "OpenCL", "install");
}

static void test_device_choice(void **state)
{
    RUN(NO_ENV, "train", "mnist", "--device", "abacus", THREE);
    FAILS(2, "abacus");
    RUN(NO_ENV, "train", "mnist", "--dry-run", "--device", "abacus");
    FAILS(2, "abacus");
    RUN(ENV("TRANSLUTION_DEVICE=abacus"), "train", "mnist", THREE);
    FAILS(2, "abacus");
    RUN(NO_ENV, "train", "mnist", "--device", "99:0", THREE);
    FAILS(2, "99:0");
    if (access(POCL_ICD, R_OK) != 0) skip_because("PoCL cannot show two devices", "install pocl-opencl-icd");
    RUN(ENV(TWO_DEVICES), "train", "mnist", "--device", "portable", THREE);
    FAILS(2, "0:0", "0:1");
    RUN(ENV(TWO_DEVICES), "train", "mnist", "--device", "0:2", THREE);
    FAILS(2, "0:2");
    RUN(ENV(TWO_DEVICES), "train", "mnist", "--quiet", "--device", "0:0", "--out", at("first"), THREE);
    EXPECT(0, "device 0:0 ");
    RUN(ENV(TWO_DEVICES), "train", "mnist", "--quiet", "--device", "0:1", "--out", at("second"), THREE);
    EXPECT(0, "device 0:1 ");
    RUN(ENV(TWO_DEVICES, "TRANSLUTION_DEVICE=0:1"), "eval", at("first"), "--limit-test", "16");
    EXPECT(0, "device 0:1 ");
    RUN(ENV(TWO_DEVICES, "TRANSLUTION_DEVICE=0:1"), "eval", at("first"), "--limit-test", "16", "--device",
        "0:0");
    EXPECT(0, "device 0:0 "); /* the flag wins over the environment */
}

/* ---- data ---------------------------------------------------------------------------------------- */

static void big_endian(unsigned char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) p[i] = (unsigned char)(v >> (24 - 8 * i));
}

/* One IDX file: `count` in the header, `present` items behind it, every byte `value` (+ index for labels). */
static void write_idx(const char *dir, const char *name, uint32_t magic, uint32_t count, uint32_t present,
                      int value)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    unsigned char header[16];
    bool images = strstr(name, "images") != NULL;
    big_endian(header, magic);
    big_endian(header + 4, count);
    big_endian(header + 8, 28);
    big_endian(header + 12, 28);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fwrite(header, 1, images ? 16 : 8, file);
    for (uint32_t i = 0; i < present; i++)
        for (int p = 0; p < (images ? 784 : 1); p++)
            fputc(images ? (int)(i * 31 + (uint32_t)p) & 255 : value, file);
    assert_int_equal(fclose(file), 0);
}

static void write_mnist(const char *dir)
{
    mkdir(dir, 0700);
    write_idx(dir, "train-images-idx3-ubyte", 0x803, 40, 40, 0);
    write_idx(dir, "train-labels-idx1-ubyte", 0x801, 40, 40, 3);
    write_idx(dir, "t10k-images-idx3-ubyte", 0x803, 20, 20, 0);
    write_idx(dir, "t10k-labels-idx1-ubyte", 0x801, 20, 20, 3);
}

#define DATA "train", "mnist", "--quiet", SMALL, "--batch-size", "16", "--steps", "2", "--data", dir

static void test_data_errors(void **state)
{
    char dir[300], path[600];
    snprintf(dir, sizeof dir, "%s", at("idx"));
    RUN(NO_ENV, DATA);
    FAILS(2, dir, "no folder");
    assert_int_equal(mkdir(dir, 0700), 0);
    RUN(NO_ENV, DATA);
    FAILS(2, dir, "train-images-idx3-ubyte");

    write_mnist(dir);
    RUN(NO_ENV, DATA, "--out", at("idx-run"));
    EXPECT(0, "");

    write_idx(dir, "train-images-idx3-ubyte", 0x804, 40, 40, 0);
    RUN(NO_ENV, DATA);
    FAILS(2, "train-images-idx3-ubyte", "0x00000804");

    write_idx(dir, "train-images-idx3-ubyte", 0x803, 40, 39, 0);
    RUN(NO_ENV, DATA);
    FAILS(2, "train-images-idx3-ubyte");

    write_mnist(dir);
    write_idx(dir, "train-labels-idx1-ubyte", 0x801, 39, 39, 3);
    RUN(NO_ENV, DATA);
    FAILS(2, "39", "40");

    write_idx(dir, "train-labels-idx1-ubyte", 0x801, 40, 40, 10);
    RUN(NO_ENV, DATA);
    FAILS(2, "train-labels-idx1-ubyte", "10");

    write_mnist(dir);
    snprintf(path, sizeof path, "%s/t10k-images-idx3-ubyte", dir);
    read_file(path, seen.out, TEXT);
    remove(path);
    snprintf(path, sizeof path, "%s/t10k-images-idx3-ubyte.gz", dir);
    gzFile gz = gzopen(path, "wb");
    assert_non_null(gz);
    assert_int_equal(gzwrite(gz, seen.out, 16 + 20 * 784), 16 + 20 * 784);
    assert_int_equal(gzclose(gz), Z_OK);
    RUN(NO_ENV, DATA, "--out", at("gz-run"));
    EXPECT(0, "");
    struct stat whole;
    assert_int_equal(stat(path, &whole), 0);
    assert_int_equal(truncate(path, whole.st_size / 2), 0);
    RUN(NO_ENV, DATA);
    FAILS(2, "t10k-images-idx3-ubyte.gz");
}

static void test_output_errors(void **state)
{
    write_text("file", "not a folder\n");
    RUN(NO_ENV, "train", "mnist", "--quiet", "--out", at("file/run"), THREE);
    FAILS(2, "file/run", "--out");
    RUN(NO_ENV, "train", "mnist", "--quiet", "--out", at("metrics-run"), "--metrics", at("file/metrics"),
        THREE);
    FAILS(2, "file/metrics");
}

static void test_does_not_fit(void **state)
{
    RUN(NO_ENV, "train", "mnist", "--quiet", "--out", at("large"), SHORT, "--steps", "1", "--memory-limit",
        "1M");
    EXPECT(2, "largest batch", "parameters", "activations", "sum", "fits: no");
    expect_one_sentence();
    /* Without --batch-size the batch shrinks until it fits. */
    RUN(NO_ENV, "train", "mnist", "--out", at("shrunk"), SMALL, "--limit-train", "48", "--limit-test", "16",
        "--steps", "1", "--memory-limit", "8M");
    EXPECT(0, "batch");
}

static void test_checkpoint_errors(void **state)
{
    RUN(NO_ENV, "info", at("nothing.safetensors"));
    FAILS(2, "nothing.safetensors");
    RUN(NO_ENV, "eval", at("nothing.safetensors"));
    FAILS(2, "nothing.safetensors");
    write_text("broken.safetensors", "this is not a header");
    RUN(NO_ENV, "info", at("broken.safetensors"));
    FAILS(2, "broken.safetensors");
    RUN(NO_ENV, "eval", at("broken.safetensors"));
    FAILS(2, "broken.safetensors");
}

/* ---- whole runs ---------------------------------------------------------------------------------- */

static void test_result_line(void **state)
{
    static const char *const ops[] = {"attention", "alpha", "translution"};
    for (int i = 0; i < 3; i++) {
        RUN(NO_ENV, "train", "mnist", "--op", ops[i], "--out", at(ops[i]), THREE);
        EXPECT(0, "device ");
        cJSON *json = last_json();
        assert_string_equal(string(json, "task"), "mnist");
        assert_string_equal(string(json, "op"), ops[i]);
        assert_true(number(json, "steps") == 3);
        assert_true(number(json, "params") > 0 && number(json, "loss") > 0);
        assert_true(number(json, "top1") >= 0 && number(json, "top5") >= number(json, "top1"));
        assert_true(number(json, "top1_static") == number(json, "top1"));
        assert_true(number(json, "top1_dynamic") >= 0);
        assert_true(number(json, "step_ms") > 0 && number(json, "peak_device_bytes") > 0);
        assert_true(string(json, "device")[0] != '\0');
        double params = number(json, "params"), top1 = number(json, "top1");
        double moved = number(json, "top1_dynamic");
        cJSON_Delete(json);

        RUN(NO_ENV, "eval", at(ops[i]), "--limit-test", "32");
        EXPECT(0, "device ");
        json = last_json();
        assert_string_equal(string(json, "op"), ops[i]);
        assert_true(number(json, "params") == params && number(json, "top1") == top1);
        assert_true(number(json, "loss") > 0);
        cJSON_Delete(json);
        char path[600];
        snprintf(path, sizeof path, "%s/model.safetensors", at(ops[i]));
        RUN(NO_ENV, "eval", path, "--limit-test", "32", "--test-motion", "dynamic");
        EXPECT(0, "");
        json = last_json();
        assert_true(number(json, "top1") == moved);
        cJSON_Delete(json);

        RUN(NO_ENV, "info", at(ops[i]));
        EXPECT(0, "");
        char text[64];
        snprintf(text, sizeof text, " %.0f parameters", params);
        assert_non_null(strstr(seen.out, text));
        assert_non_null(strstr(seen.out, "mlp_head"));
        assert_non_null(strstr(seen.out, ops[i]));
        assert_null(strstr(seen.out, folder)); /* no path in the metadata */
    }
}

/* The losses of a metrics file, one a line, as text: "step loss\n". */
static void read_losses(const char *path, char *out, size_t capacity)
{
    static char text[TEXT];
    read_file(path, text, TEXT);
    size_t used = 0;
    out[0] = '\0';
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        cJSON *json = cJSON_Parse(line);
        assert_non_null(json);
        const cJSON *step = cJSON_GetObjectItemCaseSensitive(json, "step");
        const cJSON *loss = cJSON_GetObjectItemCaseSensitive(json, "loss");
        if (cJSON_IsNumber(step) && cJSON_IsNumber(loss))
            used += (size_t)snprintf(out + used, capacity - used, "%.0f %.9g\n", step->valuedouble,
                                     loss->valuedouble);
        cJSON_Delete(json);
    }
    assert_true(used > 0);
}

static void test_same_seed(void **state)
{
    char first[4096], second[4096], other[4096];
    const char *const metrics[] = {"one.jsonl", "two.jsonl", "three.jsonl"};
    const char *const seeds[] = {"5", "5", "6"};
    for (int i = 0; i < 3; i++) {
        char out[64];
        snprintf(out, sizeof out, "seed-%d", i);
        RUN(NO_ENV, "train", "mnist", "--op", "alpha", "--motion", "dynamic", "--seed", seeds[i], "--out",
            at(out), "--metrics", at(metrics[i]), THREE);
        EXPECT(0, "");
    }
    read_losses(at(metrics[0]), first, sizeof first);
    read_losses(at(metrics[1]), second, sizeof second);
    read_losses(at(metrics[2]), other, sizeof other);
    assert_string_equal(first, second);
    assert_string_not_equal(first, other);

    /* Equal runs give equal files: no time, path, host or device in them. */
    assert_same_file("seed-0/model.safetensors", "seed-1/model.safetensors");
    char *model = read_all("seed-0/model.safetensors", NULL);
    assert_null(strstr(model + 8, folder)); /* behind the header's length */
    free(model);
}

static void test_default_out(void **state)
{
    RUN(NO_ENV, "train", "mnist", "--quiet", THREE);
    EXPECT(0, "");
    RUN(NO_ENV, "train", "mnist", "--quiet", THREE);
    EXPECT(0, "");
    cJSON *json = last_json();
    assert_non_null(strstr(string(json, "out"), "runs/mnist-attention-"));
    cJSON_Delete(json);
    assert_int_equal(access(at("runs/mnist-attention-1/model.safetensors"), R_OK) |
                         access(at("runs/mnist-attention-2/model.safetensors"), R_OK),
                     0);
}

/* ---- stopping ------------------------------------------------------------------------------------ */

static void test_stop_after_and_resume(void **state)
{
    char whole[4096], parts[4096];
    RUN(NO_ENV, "train", "mnist", SHORT, "--steps", "6", "--out", at("whole"), "--metrics",
        at("whole.jsonl"));
    EXPECT(0, "");
    RUN(NO_ENV, "train", "mnist", SHORT, "--steps", "6", "--out", at("parts"), "--metrics", at("parts.jsonl"),
        "--stop-after", "3");
    EXPECT(0, "");
    RUN(NO_ENV, "train", "mnist", SHORT, "--steps", "6", "--out", at("parts"), "--metrics", at("parts.jsonl"),
        "--resume");
    EXPECT(0, "");
    read_losses(at("whole.jsonl"), whole, sizeof whole);
    read_losses(at("parts.jsonl"), parts, sizeof parts);
    assert_string_equal(whole, parts);
    assert_same_file("whole/model.safetensors", "parts/model.safetensors");
    RUN(NO_ENV, "train", "mnist", THREE, "--out", at("fresh"), "--resume");
    EXPECT(0, "no "); /* no checkpoint to continue from: it says so and starts */
}

/* Waits until `path` holds something, at most a minute. */
static void wait_for(const char *path)
{
    for (int i = 0; i < 600; i++) {
        struct stat what;
        if (stat(path, &what) == 0 && what.st_size > 0) return;
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
}

static void interrupt(int signal_number, const char *out, int code)
{
    char path[600];
    snprintf(path, sizeof path, "%s/metrics.jsonl", at(out));
    pid_t pid = start(NO_ENV, (const char *const[]){"train", "mnist", SHORT, "--steps", "1000000",
                                                    "--eval-every", "1000000", "--out", at(out), NULL});
    wait_for(path);
    kill(pid, signal_number);
    finish(pid);
    EXPECT(code, "");
    snprintf(path, sizeof path, "%s/checkpoints", at(out));
    assert_int_equal(access(path, F_OK), 0);
    RUN(NO_ENV, "info", at(out));
    EXPECT(0, "");
}

static void test_signals(void **state)
{
    interrupt(SIGINT, "int", 130);
    interrupt(SIGTERM, "term", 143);
}

/* A step of this takes seconds on any CPU, so both signals arrive within one. */
/* Waits until no signal to the process is pending any more, as Linux tells: two that are pending at once may be
 * handled in either order. */
static void wait_until_taken(pid_t pid)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    for (int tries = 0; tries < 500; tries++) {
        bool pending = false;
        FILE *file = fopen(path, "r");
        while (file != NULL && fgets(line, sizeof line, file) != NULL)
            if (strncmp(line, "ShdPnd:", 7) == 0) pending = strtoull(line + 7, NULL, 16) != 0;
        if (file != NULL) fclose(file);
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        if (!pending) return;
    }
}

static void test_second_signal(void **state)
{
    pid_t pid = start(NO_ENV, (const char *const[]){"train", "mnist", "--size", "small", "--batch-size",
                                                    "256", "--limit-train", "512", "--steps", "9", "--out",
                                                    at("twice"), NULL});
    wait_for(at("twice/metrics.jsonl"));
    kill(pid, SIGTERM);
    wait_until_taken(pid);
    kill(pid, SIGINT);
    finish(pid);
    EXPECT(130, "");
    assert_null(strstr(seen.err, "saved in"));
}

static void test_info_diff(void **state)
{
    RUN(NO_ENV, "info", "--diff", at("attention"));
    FAILS(2, "two checkpoints");
    RUN(NO_ENV, "info", at("attention"), at("alpha"));
    FAILS(2, "one word too many");
    RUN(NO_ENV, "info", "--diff", at("attention"), at("nothing"));
    FAILS(2, "nothing");
    RUN(NO_ENV, "info", "--diff", at("attention"), at("attention"));
    EXPECT(0, "");
    assert_non_null(strstr(seen.out, "0 settings and 0 tensors differ"));
    RUN(NO_ENV, "info", "--diff", at("attention"), at("alpha"));
    EXPECT(0, "");
    assert_non_null(strstr(seen.out, "attention -> alpha"));
    assert_non_null(strstr(seen.out, "only in the second"));
    RUN(NO_ENV, "info", "--diff", at("seed-0"), at("seed-2"));
    EXPECT(0, "");
    assert_non_null(strstr(seen.out, "5 -> 6"));
    assert_non_null(strstr(seen.out, "largest difference"));
    assert_non_null(strstr(seen.out, "1 settings and "));
}

/* ---- real MNIST ---------------------------------------------------------------------------------- */

static void test_real_mnist(void **state)
{
    const char *data = getenv("TRANSLUTION_MNIST");
    if (data == NULL)
        skip_because("real MNIST is not there", "set TRANSLUTION_MNIST to a folder of its IDX files");
    RUN(NO_ENV, "train", "mnist", "--quiet", "--data", data, "--out", at("real"), "--dim", "32", "--depth",
        "1", "--heads", "2", "--head-dim", "16", "--batch-size", "32", "--lr", "3e-3", "--limit-train",
        "2000", "--limit-test", "500", "--epochs", "3");
    EXPECT(0, "");
    cJSON *json = last_json();
    assert_true(number(json, "top1") > 60);
    cJSON_Delete(json);
}

/* Labels of more classes than ten, as EMNIST has them; and the table of true and found classes, whose main diagonal is
 * top-1. */
static void test_many_classes(void **state)
{
    char dir[300];
    snprintf(dir, sizeof dir, "%s", at("emnist"));
    write_mnist(dir);
    write_idx(dir, "train-labels-idx1-ubyte", 0x801, 40, 40, 46);
    write_idx(dir, "t10k-labels-idx1-ubyte", 0x801, 20, 20, 46);
    RUN(NO_ENV, DATA);
    FAILS(2, "train-labels-idx1-ubyte", "is 46", "10 classes", "--classes");
    RUN(NO_ENV, DATA, "--classes", "46");
    FAILS(2, "train-labels-idx1-ubyte", "is 46", "46 classes, 0 to 45");
    RUN(NO_ENV, DATA, "--classes", "47", "--out", at("emnist-run"));
    EXPECT(0, "");
    for (int dynamic = 0; dynamic < 2; dynamic++) {
        RUN(NO_ENV, "eval", at("emnist-run"), "--data", dir, "--confusion", at("emnist.tsv"), "--test-motion",
            dynamic ? "dynamic" : "static");
        EXPECT(0, "");
        cJSON *json = last_json();
        const double top1 = number(json, "top1");
        cJSON_Delete(json);
        read_file("emnist.tsv", seen.out, TEXT);
        assert_int_equal(strncmp(seen.out, "true\\found\t0\t1\t2\t", 17), 0);
        unsigned long sum = 0, right = 0;
        char *line = seen.out;
        for (int row = 0; row < 47; row++) {
            line = strchr(line, '\n') + 1;
            char *cell = line;
            assert_int_equal(strtoul(cell, &cell, 10), row);
            for (int column = 0; column < 47; column++) {
                assert_int_equal(*cell, '\t');
                const unsigned long count = strtoul(cell + 1, &cell, 10);
                assert_true(count == 0 || row == 46);
                sum += count;
                if (row == column) right += count;
            }
            assert_int_equal(*cell, '\n');
        }
        assert_string_equal(strchr(line, '\n'), "\n");
        assert_int_equal(sum, 20);
        assert_true(top1 == 100.0 * (double)right / 20);
    }
    RUN(NO_ENV, DATA, "--classes", "47", "--out", at("emnist-run-2"), "--steps", "30", "--lr", "1e-2");
    EXPECT(0, "");
    cJSON *json = last_json();
    assert_true(number(json, "top1") ==
                100); /* all samples are of one class: the test above cannot miss the diagonal */
    cJSON_Delete(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help_and_version),
        cmocka_unit_test(test_usage_errors),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_positions),
        cmocka_unit_test(test_grids),
        cmocka_unit_test(test_tune),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_dry_run_counts),
        cmocka_unit_test(test_dry_run_needs_nothing),
        cmocka_unit_test(test_dry_run_fits),
        cmocka_unit_test(test_dry_run_tells_what_is_kept),
        cmocka_unit_test(test_devices),
        cmocka_unit_test(test_no_platform),
        cmocka_unit_test(test_device_choice),
        cmocka_unit_test(test_data_errors),
        cmocka_unit_test(test_many_classes),
        cmocka_unit_test(test_output_errors),
        cmocka_unit_test(test_does_not_fit),
        cmocka_unit_test(test_checkpoint_errors),
        cmocka_unit_test(test_result_line),
        cmocka_unit_test(test_same_seed),
        cmocka_unit_test(test_default_out),
        cmocka_unit_test(test_stop_after_and_resume),
        cmocka_unit_test(test_no_device),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_second_signal),
        cmocka_unit_test(test_info_diff),
        cmocka_unit_test(test_real_mnist),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
