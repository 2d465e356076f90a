// The history of a zone: read, held against each other, taken back; and zones that were deleted.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { clean, formDialog, signedInto, submit } from "./hands.mjs";
import { startBrowser, startHeadwater, until } from "./server.mjs";

let browser, server, n = 0;
before(async () => {
  browser = await startBrowser();
  server = await startHeadwater();
});
after(async () => {
  await browser.close();
  await server.close();
});

/** A zone of which three things were changed: www was added, then changed, then mail was added. */
async function changed(t, context = {}) {
  const name = `zone${n++}.example`;
  const zone = await server.api("POST", "/client/v4/zones", { name, account: { id: server.account } });
  const path = `/client/v4/zones/${zone.id}/dns_records`;
  const www = await server.api("POST", path, { type: "A", name: "www", content: "192.0.2.1" });
  await server.api("PATCH", `${path}/${www.id}`, { content: "192.0.2.2", comment: "moved" });
  await server.api("POST", path, { type: "MX", name: "@", content: "mx.example.net", priority: 10 });
  const at = await signedInto(browser, t, { server, context: { bypassCSP: true, ...context } });
  const url = `${server.url}/${server.account}/${name}`;
  const list = async () => (await server.api("GET", `${path}?per_page=100`)).map((r) => `${r.type} ${r.content}`).sort();
  return { ...at, zone, url, list, path };
}

const item = (page, text) => page.getByRole("list", { name: "Changes, newest first" }).getByRole("listitem").filter({ hasText: text }).first();

test("each change is read with what it did, and one alone is taken back", async (t) => {
  const { page, url, list, complaints } = await changed(t);
  await page.goto(`${url}/history`);
  const change = item(page, "1 record changed");
  await change.getByRole("button", { name: /^Show: 1 record changed/ }).click();
  const records = change.getByRole("list", { name: "Records that changed" });
  await records.locator("mark").getByText("192.0.2.1", { exact: true }).waitFor();
  await records.locator("mark").getByText("192.0.2.2", { exact: true }).waitFor();
  await clean(page, "history");
  const undo = change.getByRole("button", { name: /^Undo: 1 record changed/ });
  await undo.press("Enter");
  await page.keyboard.press("Escape");
  await formDialog(page).waitFor({ state: "detached" });
  await until("the focus back", () => undo.evaluate((e) => e === document.activeElement));
  await undo.press("Enter");
  await formDialog(page).getByText(/^1 record and 0 settings change/).waitFor();
  await clean(page, "the dialog");
  await submit(page, { Note: "it was wrong" }, "Bring back");
  assert.deepEqual(await list(), ["A 192.0.2.1", "MX mx.example.net"]);
  await item(page, "it was wrong").waitFor();
  // The way back is a change like any other.
  await page.getByRole("button", { name: "Undo", exact: true }).click();
  await until("the change to be there again", async () => (await list()).includes("A 192.0.2.2"));
  assert.deepEqual(complaints, []);
});

test("a change that others have built on is named record by record", async (t) => {
  const { page, url, list, path, zone } = await changed(t);
  const [www] = await server.api("GET", `${path}?name=www.${zone.name}`);
  await server.api("PATCH", `${path}/${www.id}`, { content: "192.0.2.3" });
  await page.goto(`${url}/history`);
  await page.getByRole("button", { name: /^Undo: 1 record changed/ }).last().click();
  await formDialog(page).getByText(/has been changed since by the change/).first().waitFor();
  await until("what may not be pressed to be dead", () => formDialog(page).getByRole("button", { name: "Bring back" }).isDisabled());
  assert.ok((await list()).includes("A 192.0.2.3"));
});

test("a zone goes back to a version, and versions are held against each other", async (t) => {
  const { page, url, list } = await changed(t, { viewport: { width: 390, height: 844 }, colorScheme: "dark" });
  await page.goto(`${url}/history`);
  const first = page.getByRole("list", { name: "Changes, newest first" }).getByRole("listitem").filter({ hasText: "1 record added" }).last();
  await first.getByRole("button", { name: /^Show/ }).click();
  await clean(page, "history, 390 px, dark");
  await first.getByRole("button", { name: "Compare with now" }).click();
  const dialog = page.getByRole("dialog", { name: /^Serial \d+ and now/ });
  await dialog.getByRole("region", { name: "Records (2)" }).waitFor();
  await dialog.getByText(/IN\s+MX/).waitFor();
  await clean(page, "differences, 390 px, dark");
  await dialog.getByRole("button", { name: "Close" }).click();
  await dialog.waitFor({ state: "detached" });
  await first.getByRole("button", { name: "Go back to this version" }).click();
  await formDialog(page).getByText(/^2 records and 0 settings change/).waitFor();
  await submit(page, {}, "Bring back");
  assert.deepEqual(await list(), ["A 192.0.2.1"]);
});

test("a deleted zone comes back with its records, or goes for good", async (t) => {
  const { page, zone } = await changed(t);
  await server.api("DELETE", `/client/v4/zones/${zone.id}`);
  await page.goto(`${server.url}/${server.account}/deleted-zones`);
  await page.getByRole("cell", { name: zone.name, exact: true }).waitFor();
  await clean(page, "deleted zones");
  await page.getByRole("button", { name: `Bring back ${zone.name}` }).click();
  await page.getByText(`${zone.name} is back`).waitFor();
  assert.equal((await server.api("GET", `/client/v4/zones/${zone.id}/dns_records`)).length, 2);
  await server.api("DELETE", `/client/v4/zones/${zone.id}`);
  await page.reload();
  await page.getByRole("button", { name: `Delete for good: ${zone.name}` }).click();
  await submit(page, {}, "Delete for good");
  await page.getByRole("cell", { name: zone.name, exact: true }).waitFor({ state: "detached" });
});
