/** PyTorch's weight files. */
import { defineExtension, type Extension } from "@slm/extensions";
import { pytorchTensors } from "./pytorch-file.js";

const extension: Extension = defineExtension({
  name: "slm-pytorch",
  weightFormats: {
    pytorch: { single: "pytorch_model.bin", index: "pytorch_model.bin.index.json", open: pytorchTensors },
  },
});
export default extension;
