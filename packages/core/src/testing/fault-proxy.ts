/** A proxy on loopback that simulates faults of a bad network. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";

/** The fault for the bytes of one direction from `at` on. `none` forwards them unchanged. */
export const FAULT_KINDS = [
  "none",
  "refuse",
  "cut",
  "end",
  "stall",
  "corrupt",
  "reorder",
  "repeat",
  "drip",
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** Number of bytes to forward in that direction before the fault. */
  readonly at: number;
}

export interface FaultProxy {
  readonly port: number;
  /** Closes all connections. New connections get this fault. */
  arm(fault: Fault): Promise<void>;
  close(): Promise<void>;
}

/** Number of bytes that are reordered or repeated. */
const PIECE_BYTES = 16;

/**
 * Starts a proxy in front of a server on loopback. The fault affects one direction, once per connection; the other direction is forwarded
 * unchanged.
 */
export async function startFaultProxy(
  upstream: number,
  harmed: "answers" | "requests" = "answers",
): Promise<FaultProxy> {
  const open = new Set<Socket>();
  let fault: Fault = { kind: "none", at: 0 };
  const server = createServer((client) => {
    if (fault.kind === "refuse") {
      client.resetAndDestroy();
      return;
    }
    const behind = connect(upstream, "127.0.0.1");
    for (const socket of [client, behind]) {
      open.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        open.delete(socket);
        client.destroy();
        behind.destroy();
      });
    }
    const [from, to] = harmed === "answers" ? [behind, client] : [client, behind];
    to.pipe(from);
    const { kind } = fault;
    const harm = harmOf(fault, to);
    from.on("data", (bytes: Buffer) => {
      harm(bytes);
    });
    from.on("end", () => {
      if (kind !== "stall") to.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    arm: async (next) => {
      const closing = [...open].map((socket) => once(socket, "close"));
      for (const socket of open) socket.destroy();
      await Promise.all(closing);
      fault = next;
      // The clients notice it and do not use these connections again.
      await setTimeout(10);
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => {
          resolve();
        });
      }),
  };
}

/** Forwards bytes to `target` until the fault. */
function harmOf({ kind, at }: Fault, target: Socket): (bytes: Buffer) => void {
  let passed = 0;
  let isDone = kind === "none";
  return (bytes) => {
    const before = Math.max(0, Math.min(bytes.length, at - passed));
    passed += bytes.length;
    if (isDone || before === bytes.length) {
      if (!(isDone && (kind === "stall" || kind === "cut" || kind === "end"))) target.write(bytes);
      return;
    }
    isDone = true;
    target.write(bytes.subarray(0, before));
    HARM[kind](target, bytes.subarray(before));
  };
}

/** Applies the fault to the next bytes; there is at least one. */
const HARM: Readonly<Record<FaultKind, (target: Socket, rest: Buffer) => void>> = {
  none: (target, rest) => void target.write(rest),
  refuse: () => undefined,
  cut: (target) => target.resetAndDestroy(),
  end: (target) => void target.end(),
  stall: () => undefined,
  corrupt: (target, rest) => {
    const corrupt = Buffer.from(rest);
    corrupt[0]! ^= 0x15;
    target.write(corrupt);
  },
  reorder: (target, rest) => {
    const [first, second] = [rest.subarray(0, PIECE_BYTES), rest.subarray(PIECE_BYTES, 2 * PIECE_BYTES)];
    target.write(Buffer.concat([second, first, rest.subarray(2 * PIECE_BYTES)]));
  },
  repeat: (target, rest) => {
    target.write(Buffer.concat([rest.subarray(0, PIECE_BYTES), rest]));
  },
  drip: (target, rest) => {
    target.setNoDelay(true);
    for (const byte of rest.subarray(0, PIECE_BYTES)) target.write(Uint8Array.of(byte));
    target.write(rest.subarray(PIECE_BYTES));
  },
};
