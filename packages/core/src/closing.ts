/** Runs `body`, and closes the resource that it uses when it has ended, also when it failed. */
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
