import { expect, test } from "vitest";
import { unknownCommand } from "./unknown-command.js";

test("an argument of a nested command that takes none is named as such", async () => {
  expect(await unknownCommand("model check runs/mine")).toMatchObject({
    code: "USAGE",
    message: "slm model check takes no argument, got 'runs/mine'",
    suggestions: ["slm model check --help"],
  });
});

test("a misspelt command is still one that does not exist", async () => {
  expect(await unknownCommand("model chek runs/mine")).toMatchObject({
    message: "no such command: slm model chek runs/mine",
    suggestions: ["slm model check --help", "slm --help"],
  });
});
