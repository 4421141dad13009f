/** What a library is part of that the dynamic loader does not find, so that an error says what to install. */

interface Piece {
  /** Begin of the library's file name. */
  readonly library: string;
  readonly partOf: string;
  /** PyPI package that has it; absent: it comes with the system. */
  readonly pypi?: string;
}

/**
 * Libraries of other vendors that plug-ins are linked to. Source: the dynamic sections of the libraries in onnxruntime-gpu 1.30.0, and the contents of
 * NVIDIA's packages for CUDA 13 on PyPI.
 */
const PIECES: readonly Piece[] = [
  { library: "libcuda.so", partOf: "NVIDIA's driver" },
  { library: "libcublas", partOf: "CUDA 13", pypi: "nvidia-cublas" },
  { library: "libcudart", partOf: "CUDA 13", pypi: "nvidia-cuda-runtime" },
  { library: "libcufft", partOf: "CUDA 13", pypi: "nvidia-cufft" },
  { library: "libcurand", partOf: "CUDA 13", pypi: "nvidia-curand" },
  { library: "libnvrtc", partOf: "CUDA 13", pypi: "nvidia-cuda-nvrtc" },
  { library: "libnvJitLink", partOf: "CUDA 13", pypi: "nvidia-nvjitlink" },
  { library: "libcudnn", partOf: "cuDNN 9", pypi: "nvidia-cudnn-cu13" },
];

/** The loader's words on Linux: "libcublasLt.so.13: cannot open shared object file: No such file or directory". */
const NOT_FOUND = /(?<name>lib[\w.+-]+): cannot open shared object file/;

/**
 * @param message of the dynamic loader
 * @returns "libcublasLt.so.13 of CUDA 13 (PyPI: nvidia-cublas) is not found"; undefined for other messages and unknown libraries
 */
export function missingLibrary(message: string): string | undefined {
  const name = NOT_FOUND.exec(message)?.groups!.name;
  const piece = name === undefined ? undefined : PIECES.find(({ library }) => name.startsWith(library));
  if (piece === undefined) return undefined;
  const where = piece.pypi === undefined ? "" : ` (PyPI: ${piece.pypi})`;
  return `${name!} of ${piece.partOf}${where} is not found`;
}
