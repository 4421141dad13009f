/**
 * Lets user code that imports `@encdec/slm` get the running copy of the library, wherever it is installed. Packages below the library
 * cannot import it.
 */

/** The name of the published package. */
export const LIBRARY_NAME = "@encdec/slm";

let load: (() => Promise<object>) | undefined;

/** The library registers itself here when it is loaded. */
export function provideLibrary(loader: () => Promise<object>): void {
  load = loader;
}

/** The library's exports; an empty module if the library was not loaded. */
export async function providedLibrary(): Promise<object> {
  return (await load?.()) ?? {};
}
