// Runs the tests one file after the other, all on one build of Headwater.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { build } from "./server.mjs";

const files = ["dashboard", "keyboard", "copy", "configs"].map((name) => fileURLToPath(new URL(`${name}.test.mjs`, import.meta.url)));
const env = { ...process.env, HEADWATER_BINARY: await build() };
const { status } = spawnSync(process.execPath, ["--test", "--test-concurrency=1", ...files], { stdio: "inherit", env });
process.exitCode = status ?? 1;
