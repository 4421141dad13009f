/** Runs `body` and closes its resource afterwards, also after an error. */
export async function closing<Result>(
  resource: { close(): Promise<void> | void } | undefined,
  body: () => Promise<Result>,
): Promise<Result> {
  try {
    return await body();
  } finally {
    await resource?.close();
  }
}
