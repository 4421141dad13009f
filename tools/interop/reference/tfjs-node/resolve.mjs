/** A module hook: one package is found at another place. */
let moved;

export const initialize = (data) => {
  moved = data;
};

export const resolve = (specifier, context, next) =>
  specifier === moved.name
    ? { url: moved.href, format: "commonjs", shortCircuit: true }
    : next(specifier, context);
