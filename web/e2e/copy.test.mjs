// Adding a zone from a file and as a copy from another server, by hand.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { fill } from "./fixture.mjs";
import { choose, formDialog, signedInto } from "./hands.mjs";
import { startBrowser, startHeadwater } from "./server.mjs";

let browser, source;

before(async () => {
  browser = await startBrowser();
  source = await startHeadwater();
  await fill(source);
});
after(async () => {
  await browser?.close();
  await source?.close();
});

/** Opens the form and fills it in for a copy. */
async function order(page, { zone, url, token }) {
  await page.getByRole("button", { name: "Add a zone" }).click();
  const dialog = formDialog(page);
  await dialog.getByLabel("Zone name").fill(zone);
  await choose(dialog, page, "Start with", "A copy from another server");
  await dialog.getByLabel("Address of the other server's API").fill(url);
  await dialog.getByLabel("API token there").fill(token);
  return dialog;
}

const text = async (server) => {
  const [zone] = await server.api("GET", "/client/v4/zones?name=example.com");
  const list = await server.api("GET", `/client/v4/zones/${zone.id}/dns_records?per_page=100`);
  return list.map((r) => [r.type, r.name, r.content.replaceAll('"', ""), r.ttl, r.proxied, r.comment, ...r.tags].join(" ")).sort();
};

test("a zone is copied from one Headwater to another", async (t) => {
  const { server, page, complaints } = await signedInto(browser, t);
  const dialog = await order(page, { zone: "example.com", url: source.url, token: source.token });
  await dialog.getByRole("button", { name: "Copy zone" }).click();
  await page.getByRole("heading", { name: "Records", exact: true }).waitFor();
  await page.getByText("8 records", { exact: true }).waitFor();
  assert.deepEqual(await text(server), await text(source));
  await page.goto(`${server.url}/${server.account}/configurations/dns-zone-transfers?tab=peers`);
  await page.getByRole("cell", { name: "ns-secondary-1", exact: true }).waitFor();
  await page.getByRole("row", { name: /ns-secondary-1/ }).getByRole("link", { name: "example.com" }).waitFor();
  assert.deepEqual(complaints, []);
});

test("what a source refuses, and each line that cannot be imported, is told", async (t) => {
  const { server, page } = await signedInto(browser, t);
  let dialog = await order(page, { zone: "missing.example", url: source.url, token: source.token });
  await dialog.getByRole("button", { name: "Copy zone" }).click();
  await dialog.getByText(/no such zone/).waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();

  const odd = createServer((q, a) => {
    if (q.url.includes("/export")) return a.end("www 300 IN A 192.0.2.1\nbad 300 IN A 192.0.2.256\nworse 300 IN AAAA ::g\n");
    const zones = [{ id: "a".repeat(32), name: "odd.example", account: { id: "b".repeat(32) } }];
    const found = /\/zones\?/.test(q.url);
    a.writeHead(found ? 200 : 404, { "Content-Type": "application/json" });
    a.end(JSON.stringify({ success: found, errors: [], messages: [], result: found ? zones : null, result_info: { total_pages: 1 } }));
  }).listen(0, "127.0.0.1");
  await once(odd, "listening");
  t.after(() => odd.close());
  dialog = await order(page, { zone: "odd.example", url: `http://127.0.0.1:${odd.address().port}`, token: "any" });
  await dialog.getByRole("button", { name: "Copy zone" }).click();
  await dialog.getByRole("listitem").filter({ hasText: "Line 2" }).waitFor();
  await dialog.getByRole("listitem").filter({ hasText: "Line 3" }).waitFor();
  await dialog.getByRole("checkbox", { name: "Leave out records that cannot be imported" }).click();
  await dialog.getByRole("button", { name: "Copy zone" }).click();
  const told = page.getByRole("dialog", { name: "Added, but not everything" });
  await told.getByText(/Line 3/).waitFor();
  await told.getByRole("button", { name: "Close" }).click();
  await page.getByText("1 record", { exact: true }).waitFor();
  assert.match(page.url(), new RegExp(`${server.account}/odd.example/dns/records`));
});

test("a zone starts with the records of a BIND file", async (t) => {
  const { page } = await signedInto(browser, t);
  await page.getByRole("button", { name: "Add a zone" }).click();
  const dialog = formDialog(page);
  await dialog.getByLabel("Zone name").fill("file.example");
  await choose(dialog, page, "Start with", "The records of a BIND zone file");
  await dialog.getByRole("button", { name: "Add zone" }).click();
  await dialog.getByRole("alert").getByText("Choose a zone file first.").waitFor();
  const zone = { name: "file.example.zone", mimeType: "text/plain", buffer: Buffer.from("www 300 IN A 192.0.2.1\n") };
  await dialog.locator("input[type=file]").setInputFiles(zone);
  await dialog.getByRole("button", { name: "Add zone" }).click();
  await page.getByText("1 record", { exact: true }).waitFor();
});
