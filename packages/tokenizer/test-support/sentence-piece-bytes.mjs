import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** The bytes of a SentencePiece model file. */
export function sentencePieceBytes({ pieces, trainer = {}, normalizer = {}, map }) {
  const writer = new BinaryWriter();
  for (const { text, score = 0, type } of pieces) {
    writer.tag(1, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(text);
    writer.tag(2, WireType.Bit32).float(score);
    if (type !== undefined) writer.tag(3, WireType.Varint).int32(type);
    writer.join();
  }
  writeNumbers(writer, 2, trainer);
  writeNumbers(writer, 3, normalizer, map);
  return writer.finish();
}

function writeNumbers(writer, field, numbers, map) {
  writer.tag(field, WireType.LengthDelimited).fork();
  for (const [key, value] of Object.entries(numbers)) writer.tag(Number(key), WireType.Varint).int32(value);
  if (map !== undefined) writer.tag(2, WireType.LengthDelimited).bytes(map);
  writer.join();
}
