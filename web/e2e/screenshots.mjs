// Writes a picture of every page, light and dark, wide and narrow, into web/screenshots.
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fill, pagesOf } from "./fixture.mjs";
import { settled, signIn, startBrowser, startHeadwater } from "./server.mjs";

const folder = fileURLToPath(new URL("../screenshots", import.meta.url));
const sizes = { 1440: { width: 1440, height: 900 }, 390: { width: 390, height: 844 } };

async function shoot(browser, server, colorScheme, size) {
  const context = await browser.newContext({ colorScheme, viewport: sizes[size], reducedMotion: "reduce" });
  const page = await context.newPage();
  const take = (name) => page.screenshot({ path: join(folder, `${name}-${colorScheme}-${size}.png`) });
  await page.goto(`${server.url}/`);
  await page.getByRole("button", { name: "Log in" }).waitFor();
  await take("sign-in");
  await signIn(page, server.url);
  for (const [name, path] of Object.entries(pagesOf(server.account))) {
    await page.goto(server.url + path, { waitUntil: "load" });
    await settled(page);
    await take(name);
  }
  await context.close();
}

const server = await startHeadwater();
const browser = await startBrowser();
try {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await fill(server);
  for (const scheme of ["light", "dark"]) for (const size of Object.keys(sizes)) await shoot(browser, server, scheme, size);
} finally {
  await browser.close();
  await server.close();
}
