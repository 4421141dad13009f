  .section .rodata.weights, "a"
  .balign 64
  .global model_weights
model_weights:
  .incbin "model.bin"
