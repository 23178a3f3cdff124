#!/bin/sh
# tools/gpu_kernels.py: what exceeds a budget, does not compile, or needs memory for its private arrays is a fault; a loop of a
# disassembly is weighed by its turns.
#   test_gpu_kernels.sh SOURCE_DIR
set -eu
cd "$1/tools"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
python3 - <<'END'
import gpu_kernels as g
key = ("p", "k", "sm_90")
budget = {key: [40, 8192, 60, 4]}
assert g.exceeds(key, [40, 8192, 60, 4], budget) == ""
assert "41 registers" in g.exceeds(key, [41, 8192, 60, 4], budget)
assert "8196 bytes" in g.exceeds(key, [40, 8196, 60, 4], budget)
assert "59 % FFMA" in g.exceeds(key, [40, 8192, 59, 4], budget)
assert "None % FFMA" in g.exceeds(key, [40, 8192, None, 4], budget)
assert "3 sub-groups" in g.exceeds(key, [40, 8192, 60, 3], budget)
assert "not in the budget" in g.exceeds(("p", "new", "sm_90"), [1, 0, None, None], budget)
# A slice: four instructions, a loop of 16 FFMA, 4 others and its branch that turns 16 times: 256 of 3 + 16 * 21 + 1.
lines = [".L_x_0:", "/*0010*/ BAR.SYNC 0x0 ;", "/*0020*/ LDS R1, [R2] ;", "/*0030*/ IADD3 R1, R1, 0x1, RZ ;", ".L_x_1:"]
lines += ["/*0040*/ FFMA R0, R1, R2, R0 ;"] * 16 + ["/*0050*/ LDS R1, [R2] ;"] * 4
lines += ["/*0060*/ @P0 BRA `(.L_x_1) ;", "/*0070*/ @P1 BRA `(.L_x_0) ;"]
assert g.ffma_share("\n".join(lines), 256) == int(100 * 256 / (3 + 16 * 21 + 1)), g.ffma_share("\n".join(lines), 256)
# Of tensor cores: three of ten instructions of the loop that has the barrier, not of a loop without.
lines = [".L_x_0:", "/*0010*/ BAR.SYNC 0x0 ;"] + ["/*0020*/ HMMA.1688.F32.TF32 R0, R1, R2, R0 ;"] * 3 + ["/*0030*/ LDS R1, [R2] ;"] * 5
lines += ["/*0040*/ @P1 BRA `(.L_x_0) ;", ".L_x_1:", "/*0050*/ HMMA.16816.F32.BF16 R0, R1, R2, R0 ;", "/*0060*/ BRA `(.L_x_1) ;"]
assert g.hmma_share("\n".join(lines)) == 30, g.hmma_share("\n".join(lines))
assert g.hmma_share("/*0010*/ HMMA.1688.F32.TF32 R0, R1, R2, R0 ;") is None
assert g.ffma_share("/*0010*/ FFMA R0, R1, R2, R0 ;", 256) is None
# Of Intel's: four of ten instructions of the inner loop, whose branch back is the second label of a goto; with three it is not unrolled.
lines = ["L0:", "        mov (8|M0)   r1.0<1>:f   r2.0<1;1,0>:f", "L8:"] + ["(W)     add (1|M0)   r3.0<1>:d   r3.0<0;1,0>:d   8:w"] * 5
lines += ["        dpas.8x4 (8|M0)   r68:f   r2:f   r32:bf   r25.0:bf   {$1}"] * 4
lines += ["(f1.1)  goto.b (8|M0)   L136   L8", "L136:", "(W&f0.1) jmpi   L0"]
assert g.dpas_share("\n".join(lines)) == 40, g.dpas_share("\n".join(lines))
lines.remove(lines[8])
assert g.dpas_share("\n".join(lines)) is None
assert g.dpas_share("        dpas.8x4 (8|M0)   r68:f   r2:f   r32:bf   r25.0:bf") is None
END
mkdir -p "$work/programs"
cat >"$work/programs/stack-0123456789abcdef.cl" <<'END'
// options: -cl-std=CL1.2 -w
__kernel void stack(__global int *a, int n)
{
    volatile int own[64];
    for (int i = 0; i < 64; i++) own[i] = a[i];
    a[0] = own[n];
}
END
printf '// options: -cl-std=CL1.2 -w\n__kernel void broken(__global int *a) { a[0] = b; }\n' >"$work/programs/broken-0123456789abcdef.cl"
: >"$work/budget"
code=0
python3 gpu_kernels.py "$work" "$work/budget" >"$work/out" 2>&1 || code=$?
[ "$code" -eq 1 ] || [ "$code" -eq 77 ] || { cat "$work/out"; echo "FAILED: exit code $code" >&2; exit 1; }
grep -q '^2 programs for ' "$work/out" || { cat "$work/out"; echo "FAILED: no count" >&2; exit 1; }
if grep -q 'for .*gfx90a.*: [0-9]* faults' "$work/out"; then
    grep -q "stack.*for gfx90a: stack has [0-9]* bytes of scratch" "$work/out" || { cat "$work/out"; echo "FAILED: no scratch" >&2; exit 1; }
    grep -q "broken.*for gfx90a: .*undeclared identifier 'b'" "$work/out" || { cat "$work/out"; echo "FAILED: no error" >&2; exit 1; }
fi
echo "gpu_kernels: all good"
