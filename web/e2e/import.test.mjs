// An import tells first what it does, and then does that.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { choose, clean, formDialog, signedInto } from "./hands.mjs";
import { settled, startBrowser, startHeadwater } from "./server.mjs";

let browser, server;
before(async () => {
  browser = await startBrowser();
  server = await startHeadwater();
});
after(async () => {
  await browser.close();
  await server.close();
});

let zones = 0;

/** The records page of a fresh zone, with the import's dialog open. */
async function importing(t, records, context = {}) {
  const name = `plan${zones++}.example`;
  const zone = await server.api("POST", "/client/v4/zones", { name, account: { id: server.account } });
  await server.api("POST", `/client/v4/zones/${zone.id}/dns_records/batch`, { posts: records });
  const { page } = await signedInto(browser, t, { server, context });
  await page.goto(`${server.url}/${server.account}/${name}/dns/records`);
  await settled(page);
  await page.getByRole("button", { name: "Import" }).click();
  const list = async () => (await server.api("GET", `/client/v4/zones/${zone.id}/dns_records?per_page=100`)).map((r) => `${r.type} ${r.name.replace(`.${name}`, "")} ${r.content} ${r.ttl}`).sort();
  const serial = async () => (await server.api("GET", `/headwater/v1/zones/${zone.id}/secondaries`)).serial;
  return { page, name, list, serial };
}

const there = [
  { type: "A", name: "www", content: "192.0.2.1", ttl: 600 },
  { type: "A", name: "mail", content: "192.0.2.99" },
  { type: "TXT", name: "old", content: "gone" },
];
const text = "$TTL 300\nwww A 192.0.2.1\nmail A 192.0.2.2\nnew A 192.0.2.9\nbad A 192.0.2\n";

test("a pasted file shows what it adds, changes, deletes and refuses; cancelling leaves everything, agreeing does it", async (t) => {
  const { page, list, serial } = await importing(t, there);
  const dialog = formDialog(page);
  const before = [await list(), await serial()];
  const look = async () => {
    await dialog.getByLabel("Or its text").fill(text);
    await choose(dialog, page, "Records that are there", "Replace all records of the zone");
    await dialog.getByRole("button", { name: "Show what it does" }).click();
    await page.getByRole("dialog", { name: "What the import does" }).waitFor();
  };
  await look();
  const counts = await dialog.locator("dl").innerText();
  assert.match(counts.replaceAll(/\s+/g, " "), /Refused 1 Deleted 1 Changed 2 Added 1 Passed over 0 Stay as they are 0/);
  await dialog.getByText(`The serial goes from ${before[1]} to ${before[1] + 1}`).waitFor();
  await dialog.getByRole("row", { name: /^5 .*192\.0\.2" is no address/ }).waitFor(); // the worst is open
  for (const [kind, row] of [["Deleted: 1 line", /^– TXT old\..* gone/], ["Changed: 2 lines", /^3 A mail\..*192\.0\.2\.99 ?192\.0\.2\.2 ?TTL auto → 300 s/], ["Added: 1 line", /^4 A new\..*192\.0\.2\.9/]]) {
    await dialog.getByText(kind).click();
    await dialog.getByRole("row", { name: row }).waitFor();
  }
  await dialog.getByRole("button", { name: "Back" }).click();
  assert.equal(await dialog.getByLabel("Or its text").inputValue(), text); // what was pasted is kept
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.deepEqual([await list(), await serial()], before);

  await page.getByRole("button", { name: "Import" }).click();
  await look();
  await dialog.getByRole("button", { name: "Import without 1 line" }).click();
  await page.getByText("Imported: 1 added, 2 changed, 1 deleted").waitFor();
  await page.getByText("3 records", { exact: true }).waitFor();
  assert.deepEqual(await list(), ["A mail 192.0.2.2 300", "A new 192.0.2.9 300", "A www 192.0.2.1 300"]);
  assert.equal(await serial(), before[1] + 1);
});

test("a file adds to what is there, and a serial that is ahead is told with its remedy", async (t) => {
  const { page, name, serial } = await importing(t, there);
  const dialog = formDialog(page);
  const ahead = (await serial()) + 1000;
  const file = `@ IN SOA ns.example.net. host.example.net. ${ahead} 1 2 3 4\n${text}`;
  await dialog.locator('input[type="file"]').setInputFiles({ name: "zone.txt", mimeType: "text/plain", buffer: Buffer.from(file) });
  await dialog.getByRole("button", { name: "Show what it does" }).click();
  await dialog.getByText(`Secondaries that hold the file's serial ${ahead}`).waitFor();
  await dialog.getByText("Passed over: 2 lines").click();
  await dialog.getByRole("row", { name: /^3 A www\..*with another TTL/ }).waitFor();
  await dialog.getByRole("button", { name: "Import without 1 line" }).click();
  const told = page.getByRole("dialog", { name: "Imported", exact: true });
  await told.getByRole("button", { name: `Raise our serial to ${ahead + 1}` }).click();
  await page.getByText("Serial raised").waitFor();
  await told.getByRole("button", { name: "Close" }).click();
  await page.getByRole("cell", { name: `new.${name}`, exact: true }).waitFor();
});

test("a file that cannot be read at all says so with its line, and the plan is clean on a phone by night", async (t) => {
  const { page } = await importing(t, there, { colorScheme: "dark", bypassCSP: true, viewport: { width: 390, height: 844 } });
  const dialog = formDialog(page);
  await dialog.getByLabel("Or its text").fill("$INCLUDE other\n");
  await dialog.getByRole("button", { name: "Show what it does" }).click();
  await dialog.getByText("Line 1: $INCLUDE directive not allowed").waitFor();
  await dialog.getByLabel("Or its text").fill(text);
  await dialog.getByRole("button", { name: "Show what it does" }).click();
  await dialog.getByText("Added: 2 lines").click();
  await clean(page, "the plan");
  assert.ok(await dialog.evaluate((e) => e.scrollWidth <= e.clientWidth), "the dialog scrolls sideways");
});
