/** What the Python reference implementations need, in environments of their own: PyTorch is large, llama.cpp is compiled. */
export const TORCH = ["torch==2.8.0", "transformers==4.57.1", "numpy"];
/** llama.cpp compiled here for this machine's CPU; takes a C++ compiler and some twenty minutes of a core. */
export const LLAMA_CPP = ["llama-cpp-python==0.3.36", "numpy"];
export const LLAMA_CPP_BUILD = { CMAKE_ARGS: "-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF" };
