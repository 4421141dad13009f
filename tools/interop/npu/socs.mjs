/**
 * SoCs that graphs are compiled for, one of each generation of the Hexagon tensor processor and the laptop's.
 *
 * Sources: numbers and generations, QNN_SOC_MODEL_* of Qualcomm's QnnTypes.h as in executorch, backends/qualcomm/serialization/qc_schema.py; the
 * option itself, onnxruntime, docs/execution-providers/QNN-ExecutionProvider.md (`soc_model`, `htp_arch`). SM8350 (30, v68) cannot be
 * finalized by onnxruntime-qnn 2.7.0 on x86-64: error 1002, as without a number.
 */
export const SOCS = [
  { name: "SM8450", model: "36", arch: "v69", sold: "Snapdragon 8 Gen 1" },
  { name: "SC8380XP", model: "60", arch: "v73", sold: "Snapdragon X Elite" },
  { name: "SM8550", model: "43", arch: "v73", sold: "Snapdragon 8 Gen 2" },
  { name: "SM8650", model: "57", arch: "v75", sold: "Snapdragon 8 Gen 3" },
  { name: "SM8750", model: "69", arch: "v79", sold: "Snapdragon 8 Elite" },
  { name: "SM8850", model: "87", arch: "v81", sold: "Snapdragon 8 Elite Gen 5" },
];
