/** What the Python peers need, in two environments: PyTorch is large. */
export const TORCH = ["torch==2.8.0", "transformers==4.57.1", "ctranslate2==4.6.0", "numpy"];
export const ONNXRUNTIME = ["onnxruntime==1.32.0", "numpy"];
