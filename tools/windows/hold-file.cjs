// Opens a file so that no other program may open, replace or delete it, as an editor or a virus scanner may do. Node.js itself always shares its files.
//   node hold-file.cjs FILE READY      writes READY when it has the file, and keeps it open until it is ended
const { closeSync, openSync } = require("node:fs");
const koffi = require("koffi");

const [file, ready] = process.argv.slice(2);
const windows = koffi.load("kernel32.dll");
const createFile = windows.func(
  "void *CreateFileW(str16 name, uint32_t access, uint32_t share, void *security, uint32_t creation, uint32_t flags, void *template)",
);
const [GENERIC_READ, SHARE_NOTHING, OPEN_EXISTING] = [0x8000_0000, 0, 3];
createFile(file, GENERIC_READ, SHARE_NOTHING, null, OPEN_EXISTING, 0, null);
closeSync(openSync(ready, "w"));
setInterval(() => {}, 1000);
