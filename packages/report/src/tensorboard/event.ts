/**
 * The events of a TensorBoard log as protobuf messages: only the fields that scalars and texts need.
 *
 *     Event       1 wall_time double · 2 step int64 · 3 file_version string · 5 summary Summary · 7 session_log SessionLog
 *     SessionLog  1 status enum (START = 1)
 *     Summary     1 value repeated Value
 *     Value       1 tag string · 2 simple_value float · 8 tensor TensorProto · 9 metadata SummaryMetadata
 *     TensorProto 1 dtype enum (DT_STRING = 7) · 2 tensor_shape (2 dim (1 size int64)) · 8 string_val bytes
 *     SummaryMetadata 1 plugin_data (1 plugin_name string) · 4 data_class enum (DATA_CLASS_TENSOR = 2)
 *
 * Source: tensorboard/compat/proto/{event,summary,tensor,tensor_shape}.proto of TensorBoard 2.
 */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Content of an event besides its time and step. */
type EventContent =
  | { readonly kind: "version" }
  | { readonly kind: "start" }
  | { readonly kind: "scalars"; readonly values: Readonly<Record<string, number>> }
  | { readonly kind: "text"; readonly tag: string; readonly text: string };

export interface TrainingEvent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  readonly content: EventContent;
}

/** Version in the first event of every file; from version 2 on, a session start discards repeated steps. */
const FILE_VERSION = "brain.Event:2";
const SESSION_START = 1;
const STRING_DTYPE = 7;
const TENSOR_DATA_CLASS = 2;
const TEXT_PLUGIN = "text";

/** Field numbers of Event. */
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 } as const;

/** The event as an `Event` message. Scalars are stored as float32: values beyond its range become infinite. */
export function encodeEvent({ wallTime, step, content }: TrainingEvent): Uint8Array {
  const event = new BinaryWriter().tag(EVENT.wallTime, WireType.Bit64).double(wallTime);
  event.tag(EVENT.step, WireType.Varint).int64(step);
  writeContent(event, content);
  return event.finish();
}

/**
 * The step of an encoded event, and whether it holds data (not the file version or a session start).
 * Undefined for bytes that are not an event.
 */
export function inspectEvent(
  bytes: Uint8Array,
): { readonly step: number; readonly isData: boolean } | undefined {
  try {
    const reader = new BinaryReader(bytes);
    let step = 0;
    let isData = false;
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === EVENT.step && wireType === WireType.Varint) {
        step = Number(reader.int64());
      } else {
        isData ||= field === EVENT.summary;
        reader.skip(wireType, field);
      }
    }
    return reader.pos === reader.len ? { step, isData } : undefined;
  } catch {
    return undefined; // The reader throws on anything that is not protobuf.
  }
}

function writeContent(event: BinaryWriter, content: EventContent): void {
  switch (content.kind) {
    case "version":
      writeText(event, EVENT.fileVersion, FILE_VERSION);
      return;
    case "start":
      nested(event, EVENT.sessionLog, (log) => log.tag(1, WireType.Varint).int32(SESSION_START));
      return;
    case "scalars":
      nested(event, EVENT.summary, (summary) => {
        for (const [tag, value] of Object.entries(content.values)) {
          nested(summary, 1, (entry) => {
            writeText(entry, 1, tag);
            // The library rejects finite doubles beyond float32; `fround` makes them infinite.
            entry.tag(2, WireType.Bit32).float(Math.fround(value));
          });
        }
      });
      return;
    case "text":
      nested(event, EVENT.summary, (summary) => {
        nested(summary, 1, (entry) => {
          writeTextValue(entry, content);
        });
      });
  }
}

/** A `Value` that the text tab shows, as Markdown: a string tensor of one element. */
function writeTextValue(
  entry: BinaryWriter,
  { tag, text }: { readonly tag: string; readonly text: string },
): void {
  writeText(entry, 1, tag);
  nested(entry, 8, (tensor) => {
    tensor.tag(1, WireType.Varint).int32(STRING_DTYPE);
    nested(tensor, 2, (shape) => {
      nested(shape, 2, (dimension) => dimension.tag(1, WireType.Varint).int64(1));
    });
    writeText(tensor, 8, text);
  });
  nested(entry, 9, (metadata) => {
    nested(metadata, 1, (plugin) => {
      writeText(plugin, 1, TEXT_PLUGIN);
    });
    metadata.tag(4, WireType.Varint).int32(TENSOR_DATA_CLASS);
  });
}

function writeText(writer: BinaryWriter, field: number, text: string): void {
  writer.tag(field, WireType.LengthDelimited).string(text);
}

function nested(writer: BinaryWriter, field: number, fill: (message: BinaryWriter) => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  fill(writer);
  writer.join();
}
