/** Hub settings from the environment variables that all hub clients share. */
import { getHFHubCachePath } from "@huggingface/hub";
import { SlmError } from "@slm/core";

const DEFAULT_ENDPOINT = "https://huggingface.co";
/** Values of HF_HUB_OFFLINE that mean yes. */
const YES: ReadonlySet<string> = new Set(["1", "ON", "YES", "TRUE"]);

export interface HubEnvironment {
  /** Where downloads are kept: HF_HUB_CACHE, or `hub` in HF_HOME, or the user's cache directory. */
  readonly cacheDirectory: string;
  /** HF_ENDPOINT without a trailing slash. */
  readonly endpoint: string;
  /** HF_HUB_OFFLINE: no network requests. */
  readonly isOffline: boolean;
  /** HF_TOKEN. Never part of a message. */
  readonly token?: string;
  /** Longest time without a byte: HF_HUB_DOWNLOAD_TIMEOUT in seconds [ms]. Default: the same as for all requests. */
  readonly silenceMs?: number | undefined;
}

/** @throws SlmError CONFIG_INVALID for an invalid endpoint URL, token or time */
export function hubEnvironment(): HubEnvironment {
  const token = process.env["HF_TOKEN"]?.trim() ?? "";
  if (token !== "" && !token.startsWith("hf_")) {
    throw new SlmError("CONFIG_INVALID", "HF_TOKEN does not start with hf_, as access tokens of the hub do", {
      suggestions: ["unset HF_TOKEN"],
    });
  }
  return {
    cacheDirectory: getHFHubCachePath(),
    endpoint: endpoint(process.env["HF_ENDPOINT"] ?? ""),
    isOffline: YES.has((process.env["HF_HUB_OFFLINE"] ?? "").toUpperCase()),
    ...(token === "" ? {} : { token }),
    silenceMs: silence(process.env["HF_HUB_DOWNLOAD_TIMEOUT"] ?? ""),
  };
}

function silence(value: string): number | undefined {
  if (value === "") return undefined;
  const seconds = Number(value);
  if (seconds > 0 && seconds <= 3600) return seconds * 1000;
  throw new SlmError(
    "CONFIG_INVALID",
    `HF_HUB_DOWNLOAD_TIMEOUT is '${value}', expected seconds, more than 0 and at most 3600`,
    { suggestions: ["unset HF_HUB_DOWNLOAD_TIMEOUT"] },
  );
}

function endpoint(value: string): string {
  if (value === "") return DEFAULT_ENDPOINT;
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value.replace(/\/+$/, "");
  throw new SlmError("CONFIG_INVALID", `HF_ENDPOINT is '${value}', expected an http or https URL`, {
    suggestions: ["unset HF_ENDPOINT", `export HF_ENDPOINT=${DEFAULT_ENDPOINT}`],
  });
}
