"""Compiles dumped OpenCL programs for GPUs and compares what they take with a table; called by tools/check_gpu_kernels.

    gpu_kernels.py [--update] WORK BUDGET    WORK/programs: the programs; WORK/venv, WORK/intel: compilers. Exit code 77: there is no compiler.
"""

import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys

CLANG = "clang-15"
WARNINGS = ("-Wall -Wextra -Werror -Wno-unused-parameter -Wno-unused-function -Wno-linker-warnings -Wno-macro-redefined "
            "-D__OPENCL_VERSION__=120 -Xclang -finclude-default-header").split()
NVIDIA_LIBRARY = "/usr/lib/clc/nvptx64--nvidiacl.bc"
AMD_LIBRARY = "amd"  # in WORK
NVIDIA = {"sm_70": ("sm_70", "+ptx63"), "sm_80": ("sm_80", "+ptx70"), "sm_90": ("sm_86", "+ptx75")}  # what clang 15 knows
TENSOR = ["sm_80", "sm_90"]  # NVIDIA's that have tensor cores with tf32 and bf16; their compiler knows `asm`, clang's OpenCL C `__asm__`
AMD = ["gfx906", "gfx90a", "gfx1030", "gfx1100"]
MATRIX = ["gfx90a"]  # AMD's that have the matrix cores of kernels/mfma.cl
# What a multiprocessor has: bytes of local memory, of which each work-group takes NVIDIA_RESERVED more than it asks for.
NVIDIA_LOCAL = {"sm_70": 96 << 10, "sm_80": 164 << 10, "sm_90": 228 << 10}
NVIDIA_RESERVED, NVIDIA_REGISTERS, NVIDIA_ITEMS, NVIDIA_SCHEDULERS, WARP = 1024, 65536, 2048, 4, 32
INTEL = {"skl": 8, "dg2": 8, "pvc": 16}  # and the work-items of a sub-group that src/device/list.c finds there
DPAS = {"-DDPAS_ITEMS=8": "dg2", "-DDPAS_ITEMS=16": "pvc"}  # those that have the matrix units of kernels/dpas.cl, by their sub-groups
DPAS_FRAGMENTS = 4  # of a sub-group: a loop that has fewer products is not unrolled, and what it adds up is in memory
FOR_ALL_SHAPES = ["sm_90", "gfx90a", "spirv"]
ROW_GROUP = 64  # work-items of row kernels, whose number is no part of the program
SLICE_LOADS = 4  # kernels/tile_gpu.cl: elements that a work-item loads of an operand's slice


class Fault(Exception):
    """What is wrong with a program, in one line."""


def run(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    text = done.stdout + done.stderr
    if done.returncode != 0:
        lines = [line for line in text.splitlines() if "error" in line or "warning" in line] or text.splitlines()[-3:]
        raise Fault("; ".join(lines[:3]))
    return text


class Program:
    def __init__(self, path):
        self.path = path
        with open(path, encoding="utf-8") as file:
            options = file.readline().removeprefix("// options: ").split()
        self.options = [option for option in options if option != "-w"]
        family = re.sub(r"-[0-9a-f]{16}\.cl$", "", os.path.basename(path))
        own = [o[2:] for o in self.options if re.match("-D(?!TL_(CPU|VW|GROUP)=|COLUMN_BLOCK=|TILE=64$)", o)]
        self.name = family + (":" + ",".join(own) if own else "")
        shape = [o for o in own if re.match("(INNER|HEADS|HEAD_DIM|[QK]_)", o)]
        self.tiled = family.endswith("_gpu")  # the others are row kernels or have matrix units
        self.tensor = family.endswith("_mma")
        self.matrix = family.endswith("_mfma")
        self.dpas = next((DPAS[option] for option in self.options if option in DPAS), None)
        # The products of --size tiny stand for those of all shapes; the others are compiled only, and not for every target.
        tile, parts = (next((int(o.split("=")[1]) for o in self.options if o.startswith(name)), default)
                       for name, default in (("-DTILE=", 64), ("-DTILE_PARTS=", 1)))
        of_tile = parts * (min(tile, 64) // 4) ** 2  # kernels/tile_fma.cl, and kernels/tile_tensor.cl with its one tile
        self.items = of_tile if self.tiled or family.startswith("offset_gemm") else 2 * tile if self.tensor or self.matrix or self.dpas else ROW_GROUP
        self.wide = tile > 64  # which src/device/forms.c gives NVIDIA's GPUs, and Intel's with sub-groups of 8
        self.slice_ffma = 4 * tile  # kernels/tile_fma.cl: those that a work-item has in a slice of the inner dimension
        self.counted = not family.startswith("offset_gemm") or shape == ["INNER=192", "HEADS=3", "HEAD_DIM=64"]


def object_path(work, program, target, ending):
    folder = os.path.join(work, "objects", target)
    os.makedirs(folder, exist_ok=True)
    return os.path.join(folder, os.path.basename(program.path)[:-3] + ending)


def parse(text, label, code, branches):
    """Instructions of disassembled code, and its loops as (first, last). label, code: what begins a line with a label, and names an
    instruction; branches: labels that an instruction's line may jump to."""
    found, labels, loops = [], {}, []
    for line in text.splitlines():
        begins, is_code = re.match(label, line), re.match(code, line)
        if begins:
            labels[begins[1]] = len(found)
        if is_code:
            found.append(is_code[1])
            loops += [(labels[to], len(found) - 1) for to in re.findall(branches, line) if to in labels]
    return found, loops


def innermost(loops):
    """Those that have none of the others in them."""
    return [loop for loop in loops if not any(o != loop and loop[0] <= o[0] and o[1] <= loop[1] for o in loops)]


def instructions(text):
    """Those of a kernel for NVIDIA, and its loops."""
    return parse(text, r"\s*(\.L_x_\d+):", r"\s*/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+ )?\s*([A-Z][\w.]*)\s*.*?;", r"\bBRA\b.*?`\((\.L_x_\d+)\)")


def weight(found, loops, loop, slice_ffma):
    """Instructions of one turn of a loop. Innermost loops turn as often as the tile says."""
    inner = [o for o in loops if o != loop and loop[0] <= o[0] and o[1] <= loop[1]]
    total = loop[1] + 1 - loop[0]
    for o in inner:
        if any(p != o and o[0] <= p[0] and p[1] <= o[1] for p in inner):
            continue
        ffma = sum(code.startswith("FFMA") for code in found[o[0]:o[1] + 1])
        turns = slice_ffma / ffma if ffma >= 16 else SLICE_LOADS
        total += (turns - 1) * (o[1] + 1 - o[0])
    return total


def slice_loops(found, loops):
    """Loops over slices of the inner dimension: those that have the tile's barriers, and no smaller loop that has them. With their instructions."""
    with_barrier = [loop for loop in loops if any(code.startswith("BAR") for code in found[loop[0]:loop[1] + 1])]
    return [(loop, found[loop[0]:loop[1] + 1]) for loop in innermost(with_barrier)]


def ffma_share(text, slice_ffma):
    """Percent of FFMA in a slice of the tile: the least of all loops over slices; None without a tile."""
    found, loops = instructions(text)
    return min((int(100 * slice_ffma / weight(found, loops, loop, slice_ffma)) for loop, body in slice_loops(found, loops)
                if sum(code.startswith("FFMA") for code in body) >= 16), default=None)


def hmma_share(text):
    """Percent of products by tensor cores in a slice."""
    counts = [(sum(code.startswith("HMMA") for code in body), len(body)) for _, body in slice_loops(*instructions(text))]
    return min((100 * products // all_of_them for products, all_of_them in counts if products > 0), default=None)


def mfma_share(text):
    """Percent of products by matrix cores in the loop that has them, from its label to its last branch back."""
    shares = []
    for match in re.finditer(r"^(\.LBB\w+):[^\n]*Loop Header[^\n]*\n(.*?)(?=\.Lfunc_end)", text, re.M | re.S):
        back = [branch.end() for branch in re.finditer(r"s_c?branch\w* " + re.escape(match[1]) + r"\b", match[2])]
        codes = re.findall(r"^\t([a-z]\w+)", match[2][:back[-1]], re.M) if back else []
        if any(code.startswith("v_mfma") for code in codes):
            shares.append(100 * sum(code.startswith("v_mfma") for code in codes) // len(codes))
    return min(shares, default=None)


def dpas_share(text):
    """Percent of products by Intel's matrix units in the loops that have them, from a label to the branch back to it: the least of all."""
    codes, loops = parse(text, r"(L\d+):", r"\s*(?:\([^)]*\)\s*)?([a-z]\w*)", r"\bL\d+\b")
    inner = [codes[begin:end + 1] for begin, end in innermost([loop for loop in loops if "dpas" in codes[loop[0]:loop[1] + 1]])]
    if not inner or min(body.count("dpas") for body in inner) < DPAS_FRAGMENTS:
        return None
    return min(100 * body.count("dpas") // len(body) for body in inner)


def nvidia_occupancy(target, registers, local, items):
    """Warps of a scheduler, as far as registers, local memory and work-items allow."""
    granted = -(-registers // 8) * 8
    reserved = NVIDIA_RESERVED if target != "sm_70" else 0
    groups = min(NVIDIA_ITEMS // items, NVIDIA_REGISTERS // (granted * items), NVIDIA_LOCAL[target] // max(local + reserved, 1))
    return groups * -(-items // WARP) // NVIDIA_SCHEDULERS


def nvidia(work, program, target):
    cpu, ptx_version = NVIDIA[target]
    ptx, cubin = (object_path(work, program, target, ending) for ending in (".ptx", ".cubin"))
    run([CLANG, "-x", "cl", "-target", "nvptx64-nvidia-nvcl", "-Xclang", "-target-cpu", "-Xclang", cpu, "-Xclang", "-target-feature",
         "-Xclang", ptx_version, "-O3", *program.options, *(["-Dasm=__asm__"] if program.tensor else []), *WARNINGS, "-Xclang", "-mlink-builtin-bitcode", "-Xclang", NVIDIA_LIBRARY,
         "-S", "-o", ptx, program.path])
    log = run([find(work, "ptxas"), "-v", "--gpu-name", target, ptx, "-o", cubin])
    kernels = {}
    for match in re.finditer(r"Compiling entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill "
                             r"loads.*?Used (\d+) registers([^\n]*)", log, re.S):
        if int(match[2]) or int(match[3]) or int(match[4]):
            raise Fault(f"{match[1]} has a stack of {match[2]} bytes and spills {match[3]}")
        found = re.search(r"(\d+) bytes smem", match[6])
        registers, local = int(match[5]), int(found[1]) if found else 0
        kernels[match[1]] = [registers, local, None, nvidia_occupancy(target, registers, local, program.items)]
    if target == "sm_90" and (program.tiled or program.tensor) and program.counted:
        text = run([find(work, "nvdisasm"), "-c", cubin])
        for match in re.finditer(r"\.section\s+\.text\.(\w+),(.*?)(?=\n\s*\.section\s|\Z)", text, re.S):
            if match[1] in kernels:
                kernels[match[1]][2] = hmma_share(match[2]) if program.tensor else ffma_share(match[2], program.slice_ffma)
    return kernels


def amd(work, program, target):
    assembly = object_path(work, program, target, ".s")
    run([CLANG, "-x", "cl", "-target", "amdgcn-amd-amdhsa", "-mcpu=" + target, "-O3", *program.options, *WARNINGS,
         "--rocm-device-lib-path=" + os.path.join(work, AMD_LIBRARY), "-S", "-o", assembly, program.path])
    with open(assembly, encoding="utf-8") as file:
        text = file.read()
    kernels = {}
    names = re.findall(r"\.amdhsa_kernel (\w+)", text)
    for name, body in zip(names, re.findall(r"; Kernel info:(.*?); COMPUTE_PGM_RSRC2:TIDIG_COMP_CNT", text, re.S), strict=True):
        vgprs = "TotalNumVgprs" if program.matrix else "NumVgprs"  # with those that only matrix cores use
        number = {key: int(re.search(key + r": (\d+)", body)[1]) for key in (vgprs, "ScratchSize", "LDSByteSize", "Occupancy")}
        if number["ScratchSize"]:
            raise Fault(f"{name} has {number['ScratchSize']} bytes of scratch")
        kernels[name] = [number[vgprs], number["LDSByteSize"], mfma_share(text) if program.matrix else None, number["Occupancy"]]
    for name, spilled in re.findall(r"\.name:\s+(\w+)\n.*?\.vgpr_spill_count:\s*(\d+)", text, re.S):
        if int(spilled):
            raise Fault(f"{name} spills {spilled} registers")
    return kernels


def intel(work, program, target):
    """What it tells of a kernel is whether it spills registers, a fault; figures there are of matrix units alone."""
    root = os.path.abspath(os.path.join(work, "intel/usr"))
    libraries = f"{root}/lib/x86_64-linux-gnu:{root}/lib/x86_64-linux-gnu/intel-opencl"
    ocloc, environment = root + "/bin/ocloc", dict(os.environ, LD_LIBRARY_PATH=libraries)
    log = run([ocloc, "compile", "-file", program.path, "-device", target, "-options",
               " ".join([*program.options, f"-DTL_SUB_GROUP={INTEL[target]}"]),
               "-out_dir", os.path.dirname(object_path(work, program, target, ""))], env=environment)
    warnings = [line for line in log.splitlines() if "warning:" in line]
    if warnings:
        raise Fault(warnings[0])
    if not program.dpas:
        return {}
    kernels = {}
    binary, dump = glob.glob(object_path(work, program, target, "_*.bin"))[0], object_path(work, program, target, ".dump")
    run([ocloc, "disasm", "-file", binary, "-device", target, "-dump", dump], env=environment)
    for path in glob.glob(dump + "/*_KernelHeap.asm"):
        name = os.path.basename(path).removesuffix("_KernelHeap.asm")
        with open(path, encoding="utf-8") as file:
            kernels[name] = [0, 0, dpas_share(file.read()), None]
        if kernels[name][2] is None:
            raise Fault(f"{name} has no loop with the matrix units' products of all its fragments")
    if not kernels:
        raise Fault("it was not disassembled")
    return kernels


def spirv(work, program, target):
    bitcode, module = (object_path(work, program, target, ending) for ending in (".bc", ".spv"))
    # Not optimised: the translator does not know all that an optimised program may hold.
    run([CLANG, "-x", "cl", "-target", "spir64", "-O0", *program.options, *WARNINGS, "-Xclang", "-no-opaque-pointers", "-emit-llvm", "-c",
         "-o", bitcode, program.path])
    run(["llvm-spirv-15", "--spirv-max-version=1.2", bitcode, "-o", module])
    run(["spirv-val", "--target-env", "opencl2.2", module])
    return {}


def find(work, tool):
    found = glob.glob(os.path.join(work, "venv/lib/python3*/site-packages/nvidia/**/bin", tool), recursive=True)
    return found[0] if found else None


def targets(work):
    """(name, function) of what this machine can check, and the names of the others."""
    have, missing = [], []

    def add(names, function, is_there):
        for name in names:
            if is_there(name):
                have.append((name, function))
            else:
                missing.append(name)

    clang = shutil.which(CLANG) is not None
    add(NVIDIA, nvidia, lambda name: clang and find(work, "ptxas") and find(work, "nvdisasm") and os.path.exists(NVIDIA_LIBRARY))
    add(AMD, amd, lambda name: clang and os.path.exists(os.path.join(work, AMD_LIBRARY, f"oclc_isa_version_{name[3:]}.bc")))
    add(["spirv"], spirv, lambda name: clang and shutil.which("llvm-spirv-15") and shutil.which("spirv-val"))
    add(INTEL, intel, lambda name: os.path.exists(os.path.join(work, "intel/usr/bin/ocloc")))
    return have, missing


def read_budget(path):
    rows = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#") and line.strip():
                program, kernel, target, *numbers = line.split()
                rows[program, kernel, target] = [None if n == "-" else int(n) for n in numbers]
    return rows


HEAD = """# What the kernels of the GPU form may take, checked and written by tools/check_gpu_kernels. registers: of a work-item (NVIDIA; VGPR of AMD).
# local: bytes of a work-group. ffma: percent of a slice's instructions in the tile's
# hottest loop, at least (of matrix units HMMA, MFMA or DPAS); - where there is no tile. occupancy: sub-groups that a scheduler has to choose from, at least: of AMD's
# compiler, and for NVIDIA as registers, local memory and work-items allow.
# program kernel target registers local ffma occupancy
"""


def write_budget(path, rows):
    with open(path, "w", encoding="utf-8") as file:
        file.write(HEAD)
        for key in sorted(rows):
            file.write(" ".join(key) + " " + " ".join("-" if n is None else str(n) for n in rows[key]) + "\n")


def exceeds(key, numbers, budget):
    if key not in budget:
        return "is not in the budget"
    registers, local, ffma, occupancy = budget[key]
    faults = [f"takes {n} {what}, {most} are granted"
              for n, most, what in ((numbers[0], registers, "registers"), (numbers[1], local, "bytes of local memory")) if n > most]
    if ffma is not None and (numbers[2] is None or numbers[2] < ffma):
        faults.append(f"has {numbers[2]} % FFMA, at least {ffma} % are asked for")
    if occupancy is not None and numbers[3] < occupancy:
        faults.append(f"leaves a scheduler {numbers[3]} sub-groups, at least {occupancy} are asked for")
    return "; ".join(faults)


def main(arguments):
    update = arguments[0] == "--update"
    work, budget_path = arguments[1:] if update else arguments
    programs = [Program(path) for path in sorted(glob.glob(os.path.join(work, "programs/*.cl")))]
    have, missing = targets(work)
    jobs = [(name, function, program) for name, function in have for program in programs
            if (program.counted or name in FOR_ALL_SHAPES) and
            not (program.wide and (function is amd or INTEL.get(name) == 16)) and (name in TENSOR or not program.tensor) and
            (name in MATRIX or not program.matrix) and (name == program.dpas or not program.dpas)]
    jobs.sort(key=lambda job: job[1] is not intel)  # the longest first
    faults, rows = [], {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = [(job, pool.submit(job[1], work, job[2], job[0])) for job in jobs]
        for (target, _, program), result in results:
            try:
                for kernel, numbers in result.result().items():
                    if program.counted:
                        rows[program.name, kernel, target] = numbers
            except Fault as fault:
                faults.append(f"{program.path} for {target}: {fault}")
    if update and not missing_budget(missing):
        write_budget(budget_path, rows)
    else:
        budget = read_budget(budget_path)
        faults += [f"{' '.join(key)} {words}" for key, numbers in sorted(rows.items()) if (words := exceeds(key, numbers, budget))]
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(programs)} programs for {', '.join(name for name, _ in have) or 'nothing'}: {len(faults)} faults"
          + (f"; left out: {', '.join(missing)}" if missing else ""))
    if faults:
        print("a budget that is exceeded on purpose: tools/check_gpu_kernels --update", file=sys.stderr)
    return 1 if faults else 0 if have else 77


def missing_budget(missing):
    """A machine without all compilers would drop their lines."""
    if missing:
        print(f"the budget is not written: no compiler for {', '.join(missing)}", file=sys.stderr)
    return bool(missing)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
