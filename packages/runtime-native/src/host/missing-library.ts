/** Names the package that provides a missing shared library, so that an error can say what to install. */

interface Piece {
  /** Prefix of the library's file name. */
  readonly library: string;
  readonly partOf: string;
  /** PyPI package that contains it; absent: it is part of the system. */
  readonly pypi?: string;
}

/**
 * Third-party libraries that plug-ins are linked to. Source: the dynamic sections of the libraries in onnxruntime-gpu 1.30.0, and the contents of
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

/** Message of the loader on Linux: "libcublasLt.so.13: cannot open shared object file: No such file or directory". */
const NOT_FOUND = /(?<name>lib[\w.+-]+): cannot open shared object file/;

/**
 * @param message message of the dynamic loader
 * @returns "libcublasLt.so.13 of CUDA 13 (PyPI: nvidia-cublas) was not found"; undefined for other messages and unknown libraries
 */
export function missingLibrary(message: string): string | undefined {
  const name = NOT_FOUND.exec(message)?.groups!.name;
  const piece = name === undefined ? undefined : PIECES.find(({ library }) => name.startsWith(library));
  if (piece === undefined) return undefined;
  const where = piece.pypi === undefined ? "" : ` (PyPI: ${piece.pypi})`;
  return `${name!} of ${piece.partOf}${where} was not found`;
}
