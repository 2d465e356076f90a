// Runs the tests one file after the other, all on one build of Headwater, and with the API's documents in front of it.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { build } from "./server.mjs";

const files = ["dashboard", "pages", "secondaries", "keyboard", "trust", "tool", "forms", "lists", "import", "dnssec", "copy", "configs", "transfers", "pictures", "alarms", "events", "history", "updates", "drafts", "service", "people", "looks"].map((name) => fileURLToPath(new URL(`${name}.test.mjs`, import.meta.url)));
const env = { ...process.env, HEADWATER_BINARY: await build("./cmd/headwater"), HEADWATER_FRONT: await build("./test/front") };
const { status } = spawnSync(process.execPath, ["--test", "--test-concurrency=1", ...files], { stdio: "inherit", env });
process.exitCode = status ?? 1;
