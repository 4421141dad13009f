/** Derives the id of a model from its name, for servers, packages and URLs. */

/** Longest id [characters]. */
const ID_LIMIT = 64;

/**
 * `Letters to phonemes` as `letters-to-phonemes`; undefined for a name without Latin letters or digits.
 */
export function modelId(name: string): string | undefined {
  const id = name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/\p{M}/gu, "")
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, ID_LIMIT)
    .replace(/^-+|-+$/g, "");
  return id === "" ? undefined : id;
}
