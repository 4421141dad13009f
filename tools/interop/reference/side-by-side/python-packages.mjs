/** Packages of the Python reference implementations. Each has a separate environment, because PyTorch is large and llama.cpp is compiled. */
export const TORCH = ["torch==2.8.0", "transformers==4.57.1", "numpy"];
/** llama.cpp, compiled for this machine's CPU. Needs a C++ compiler and about twenty minutes on one core. */
export const LLAMA_CPP = ["llama-cpp-python==0.3.36", "numpy"];
export const LLAMA_CPP_BUILD = { CMAKE_ARGS: "-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF" };
/** Runtimes for small models, and the libraries that write their files. */
export const RUNTIMES = [
  "ctranslate2==4.8.5",
  "iree-base-compiler==3.13.0",
  "iree-base-runtime==3.13.0",
  "onnx==1.19.1",
  "gguf==0.19.0",
  "numpy==2.4.6",
];
