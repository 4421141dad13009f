/** Parses names of bundles in a registry: `host[:port]/repository[:tag][@sha256:digest]`. */
import { SlmError } from "@slm/core";

export interface OciReference {
  /** Host and port. */
  readonly registry: string;
  readonly repository: string;
  /** The digest if the reference has one, else the tag. */
  readonly version: string;
  /** The digest, if the reference has one. The fetched manifest must match it. */
  readonly digest?: string | undefined;
}

const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9a-fA-F:]{2,45}\])(?::\d{1,5})?$/;
/** Source: OCI Distribution Specification 1.1, "Pulling manifests". */
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

const DEFAULT_TAG = "latest";

/** @throws SlmError USAGE for an invalid part. */
export function parseOciReference(text: string): OciReference {
  const slash = text.indexOf("/");
  const registry = text.slice(0, Math.max(0, slash));
  const [named = "", digest, ...more] = text.slice(slash + 1).split("@");
  const colon = named.indexOf(":");
  const repository = colon === -1 ? named : named.slice(0, colon);
  const tag = colon === -1 ? undefined : named.slice(colon + 1);
  const wrong = [
    ...(HOST.test(registry) ? [] : [`registry '${registry}'`]),
    ...(REPOSITORY.test(repository) && repository.length <= 255 ? [] : [`repository '${repository}'`]),
    ...(tag === undefined || TAG.test(tag) ? [] : [`tag '${tag}'`]),
    ...(more.length === 0 && (digest === undefined || DIGEST.test(digest))
      ? []
      : [`digest '${digest ?? ""}'`]),
  ];
  if (wrong.length > 0) {
    throw new SlmError(
      "USAGE",
      `${text}: expected host[:port]/repository[:tag][@sha256:digest], rejected ${wrong.join(", ")}`,
      {
        suggestions: ["registry.example.org/team/model:1.0"],
      },
    );
  }
  return {
    registry,
    repository,
    version: digest ?? tag ?? DEFAULT_TAG,
    digest,
  };
}

/** Registries on this machine use plain HTTP, as with other clients. */
export function registryUrl({ registry }: OciReference): string {
  const host = registry.startsWith("[")
    ? registry.slice(0, registry.indexOf("]") + 1)
    : registry.split(":")[0];
  const isLoopback = host === "localhost" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host ?? "");
  return `${isLoopback ? "http" : "https"}://${registry}`;
}
