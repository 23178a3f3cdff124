#!/usr/bin/env python3
"""Times training steps of the tiny ViT (84 x 84, patch 12, 50 tokens) or GPT (160 tokens, vocabulary of 50257) in PyTorch
and in translution, taking turns.

    tools/compare_pytorch.py [--program build/release/translution] [--rounds 3] [--only WORD] [--task mnist|gpt] [--json]
    tools/compare_pytorch.py --gemm        matrix products against PyTorch's (OpenBLAS or MKL)
    tools/compare_pytorch.py --check       the PyTorch forms against each other and a loop over pairs

PyTorch runs what its users could write (tools/pytorch_forms.py):
    attention             batched matmuls
    alpha, naive          weights gathered for every pair, as the paper's reference does; alpha, einsum over them
    translution, naive    the same; streamed: an autograd function that walks the offsets and recomputes in backward
A step is forward, backward and AdamW. Every measurement is a process of its own, so that peak memory is its own too; the
two sides take turns, so that a noisy machine disturbs both. The ratio of the medians is what counts. Needs PyTorch 1.13 or
newer, which the product does not; --device cuda runs PyTorch there and translution on --ours-device.
"""
import argparse, json, os, statistics, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
# operation, PyTorch form, batch
CASES = [('attention', 'matmul', 64), ('alpha', 'einsum', 64), ('alpha', 'naive', 8), ('translution', 'streamed', 32),
         ('translution', 'naive', 1)]
TEXT_CASES = [('attention', 'matmul', 8), ('alpha', 'einsum', 2), ('alpha', 'naive', 2)]
# m, n, k, transposition, batch
GEMMS = [(1024, 1024, 1024, 'nn', 1), (3200, 192, 192, 'nt', 1), (3200, 576, 192, 'nt', 1), (3200, 768, 192, 'nt', 1),
         (3200, 192, 768, 'nt', 1), (1280, 50257, 192, 'nt', 1), (192, 192, 3200, 'tn', 1), (768, 192, 3200, 'tn', 1),
         (50, 50, 64, 'nt', 192), (50, 64, 50, 'nn', 192)]
GROUPED = (7, 192, 64)  # side of the grid, channels, rows a token


def child(arguments, threads, limit_gib):
    """The JSON that a child process prints, None when it needs more memory than there is."""
    env = dict(os.environ, OMP_WAIT_POLICY='passive',  # spinning threads would slow the other side
               OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
    if limit_gib:
        env['COMPARE_LIMIT_GIB'] = str(limit_gib)
    done = subprocess.run(arguments, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = done.stdout.strip().splitlines()
    if done.returncode == 0 and lines:
        return json.loads(lines[-1])
    if done.returncode in (3, -9, 137):
        return None
    sys.exit(f'{" ".join(arguments)} failed:\n{done.stderr[-2000:]}')


def theirs(a, *arguments):
    return child([sys.executable, os.path.join(HERE, 'pytorch_forms.py'), '--device', a.device,
                  '--threads', str(a.threads), *map(str, arguments)], a.threads, a.memory_limit)


def ours(a, *arguments):
    device = ['--device', a.ours_device] if a.ours_device else []
    return child([a.program, 'bench', *map(str, arguments), '--json', '--quiet', *device], a.threads, None)


def gib(size):
    return f'{size / 2**30:6.2f}' if size else '     -'


def check_blas(a):
    """Debian's PyTorch takes the reference BLAS where no other is installed: nobody should be compared with that."""
    rate = theirs(a, 'gemm', 512, 512, 512, 'nn', 1)['gflops']
    if a.device == 'cpu' and rate < 10 * a.threads:
        print(f"warning: PyTorch's matrix products reach {rate:.0f} GFLOP/s, as without an optimised BLAS: "
              f'on Debian, install libopenblas0-pthread', file=sys.stderr)


def compare_steps(a):
    rows = []
    for op, form, batch in TEXT_CASES if a.task == 'gpt' else CASES:
        if a.only not in f'{op} {form}':
            continue
        t, o, memory = [], [], [0, 0]
        for _ in range(a.rounds):
            mine = ours(a, 'step', '--task', a.task, '--op', op, '--batch-size', batch, '--rounds', a.steps)
            yours = theirs(a, '--task', a.task, 'step', op, form, batch, a.steps)
            o.append(mine['ms_median'])
            memory[0] = max(memory[0], mine['peak_process_bytes'])
            if yours is None:
                break
            t.append(yours['ms_median'])
            memory[1] = max(memory[1], yours['peak_bytes'])
        row = dict(op=op, form=form, batch=batch, ours_ms=statistics.median(o), limit_fraction=mine['limit_fraction'],
                   ours_bytes=memory[0], theirs_ms=statistics.median(t) if t else None,
                   theirs_bytes=memory[1] if t else None)
        row['ratio'] = row['theirs_ms'] / row['ours_ms'] if t else None
        rows.append(row)
        if not a.json:
            theirs_text = f'{row["theirs_ms"]:10.0f}' if t else 'does not fit'
            ratio = f'{row["ratio"]:6.2f}' if t else '     -'
            print(f'{op:12} {form:9} {batch:5}  {theirs_text:>12} {row["ours_ms"]:10.0f} {ratio}  {gib(memory[1])} '
                  f'{gib(memory[0])}  {row["limit_fraction"]:5.2f}', flush=True)
    return rows


def compare_gemms(a):
    rows = []
    cases = [dict(zip(('m', 'n', 'k', 'trans', 'batch'), g)) for g in GEMMS] + [dict(grouped=GROUPED)]
    for case in cases:
        best = [0.0, 0.0]
        for _ in range(a.rounds):
            if 'grouped' in case:
                side, channels, rows_each = GROUPED
                name = f'grouped {side}x{side}, {rows_each} x {channels} x {channels}'
                mine = ours(a, 'gemm', '--grouped', f'{side}x{side}', '--n', channels, '--k', channels, '--batch', rows_each)
                yours = theirs(a, 'grouped', side, channels, rows_each)
            else:
                name = f'{case["m"]} x {case["n"]} x {case["k"]} {case["trans"]}' + (
                    f', batch {case["batch"]}' if case['batch'] > 1 else '')
                mine = ours(a, 'gemm', *(w for k, v in case.items() for w in (f'--{k}', v)))
                yours = theirs(a, 'gemm', *case.values())
            best = [max(best[0], mine['gflops']), max(best[1], yours['gflops'])]
        rows.append(dict(name=name, ours_gflops=best[0], theirs_gflops=best[1], ratio=best[0] / best[1]))
        if not a.json:
            print(f'{name:34} {best[1]:10.1f} {best[0]:12.1f} {best[0] / best[1]:6.2f}', flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--program', default='build/release/translution')
    parser.add_argument('--rounds', type=int, default=3, help='turns of each side')
    parser.add_argument('--steps', type=int, default=5, help='timed steps a turn')
    parser.add_argument('--threads', type=int, default=os.cpu_count())
    parser.add_argument('--task', default='mnist', choices=['mnist', 'gpt'])
    parser.add_argument('--only', default='', help='cases whose "operation form" holds this word')
    parser.add_argument('--memory-limit', type=float, help='GiB of address space for PyTorch')
    parser.add_argument('--device', default='cpu', help="PyTorch's device: cpu or cuda")
    parser.add_argument('--ours-device', help="translution's device (see translution devices)")
    parser.add_argument('--gemm', action='store_true')
    parser.add_argument('--check', action='store_true')
    parser.add_argument('--json', action='store_true')
    a = parser.parse_args()
    if a.check:
        return subprocess.run([sys.executable, os.path.join(HERE, 'pytorch_forms.py'), 'check']).returncode
    if a.memory_limit is None and a.device == 'cpu':
        a.memory_limit = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30 * 0.9
    check_blas(a)
    if a.gemm:
        if not a.json:
            print(f'{"GFLOP/s, best of " + str(a.rounds) + " turns":34} {"PyTorch":>10} {"translution":>12} {"ratio":>6}')
        rows = compare_gemms(a)
    else:
        if not a.json:
            print(f'medians of {a.rounds} turns of {a.steps} steps, {a.threads} threads\n'
                  f'{"operation":12} {"form":9} {"batch":>5}  {"PyTorch ms":>12} {"ours ms":>10} {"ratio":>6}  '
                  f'{"GiB":>6} {"ours":>6}  {"limit_fraction":>5}')
        rows = compare_steps(a)
    if a.json:
        print(json.dumps(rows))


if __name__ == '__main__':
    sys.exit(main())
