// Records as a tool: nothing is lost between two hands, changes are taken back, many are changed at once.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fill } from "./fixture.mjs";
import { choose, formDialog, signedInto, submit } from "./hands.mjs";
import { settled, startBrowser, startHeadwater, startPlain, until } from "./server.mjs";

let browser, server, n = 0;
before(async () => {
  browser = await startBrowser();
  server = await startHeadwater();
});
after(async () => {
  await browser.close();
  await server.close();
});

/** A page on the records of a zone of its own, on the server that all tests share. */
async function onRecords(t, records = [], options = {}) {
  const name = `zone${n++}.example`;
  const zone = await server.api("POST", "/client/v4/zones", { name, account: { id: server.account } });
  if (records.length > 0) await server.api("POST", `/client/v4/zones/${zone.id}/dns_records/batch`, { posts: records });
  const at = await signedInto(browser, t, { server, ...options });
  const url = `${server.url}/${server.account}/${name}`;
  await at.page.goto(`${url}/dns/records`);
  await settled(at.page);
  const list = (query = "") => server.api("GET", `/client/v4/zones/${zone.id}/dns_records?per_page=1000${query}`);
  return { ...at, zone, url, list, path: `/client/v4/zones/${zone.id}/dns_records` };
}

const a = (name, content = "192.0.2.1", more = {}) => ({ type: "A", name, content, ...more });
const undo = (page) => page.getByRole("button", { name: "Undo" }).first().click();

test("of two who edit one record, the second sees what the first has saved, and neither is lost", async (t) => {
  const { page, zone, list, path } = await onRecords(t, [a("www")]);
  const label = `A www.${zone.name}`;
  const form = page.getByRole("form", { name: `Edit ${label}` });
  await page.getByRole("button", { name: `Edit ${label}` }).click();
  const [seen] = await list();
  await server.api("PATCH", `${path}/${seen.id}`, { comment: "theirs" });
  await form.getByLabel("IPv4 address (required)").fill("192.0.2.7");
  await form.getByRole("button", { name: "Save", exact: true }).click();
  await form.getByText("Somebody else has changed this record since you opened it.").waitFor();
  await form.getByRole("row", { name: "Comment not changed theirs" }).waitFor();
  await form.getByRole("row", { name: "Content 192.0.2.7 not changed" }).waitFor();
  await form.getByRole("button", { name: "Save mine" }).click();
  await form.waitFor({ state: "detached" });
  const [both] = await list();
  assert.equal(both.content, "192.0.2.7");
  assert.equal(both.comment, "theirs");

  await undo(page); // of mine alone
  await until("the address to be back", async () => (await list())[0].content === "192.0.2.1");
  assert.equal((await list())[0].comment, "theirs");
});

test("an edit sends what it changes, and adding, proxying and deleting are taken back by one click", async (t) => {
  const { page, zone, list } = await onRecords(t, [a("www", "192.0.2.1", { comment: "kept", tags: ["team:web"] }), a("two")]);
  const bodies = [];
  page.on("request", (r) => r.method() === "PATCH" && bodies.push(r.postDataJSON()));
  await page.getByRole("button", { name: `Edit A www.${zone.name}` }).click();
  const form = page.getByRole("form", { name: `Edit A www.${zone.name}` });
  await choose(form, page, "TTL", "5 min");
  await form.getByText(`www.${zone.name} answers 192.0.2.1.`).waitFor();
  await form.getByRole("button", { name: "Save", exact: true }).click();
  await form.waitFor({ state: "detached" });
  assert.deepEqual(bodies, [{ ttl: 300 }]);

  const proxied = async () => (await list()).find((r) => r.name.startsWith("two")).proxied;
  await page.getByRole("switch", { name: `Proxy A two.${zone.name}` }).click();
  await page.getByText(`two.${zone.name} is proxied`).waitFor();
  await undo(page);
  await until("the record to be as it was", async () => !(await proxied()));

  await page.reload();
  await page.getByRole("checkbox", { name: "Select all records on this page" }).click();
  await page.getByRole("button", { name: "Delete selected" }).click();
  await formDialog(page).getByText(`A www.${zone.name}`).waitFor();
  await submit(page, {}, "Delete");
  await page.getByText("0 records", { exact: true }).waitFor();
  await undo(page);
  await page.getByText("2 records", { exact: true }).waitFor();
  const back = (await list()).find((r) => r.name.startsWith("www"));
  assert.deepEqual([back.ttl, back.comment, back.tags], [300, "kept", ["team:web"]]);
});

test("what was typed stays when the record goes, and is not left behind unasked", async (t) => {
  const { page, zone, list, path, url } = await onRecords(t, [a("www"), a("other")]);
  await page.getByRole("button", { name: `Edit A www.${zone.name}` }).click();
  const field = page.getByLabel("IPv4 address (required)");
  await field.fill("192.0.2.77");
  const gone = (await list()).find((r) => r.name.startsWith("www"));
  await server.api("DELETE", `${path}/${gone.id}`);
  await page.evaluate(() => window.dispatchEvent(new Event("visibilitychange"))); // the window is looked at again
  await page.getByText("This record is not in the list any more").waitFor();
  assert.equal(await field.inputValue(), "192.0.2.77");

  await page.getByRole("link", { name: "Settings", exact: true }).click();
  const asked = page.getByRole("dialog", { name: "Leave this form?" });
  await asked.getByRole("button", { name: "Cancel" }).click();
  assert.equal(page.url().startsWith(`${url}/dns/records`), true);
  await page.getByRole("button", { name: "Add it again" }).click();
  await page.getByRole("cell", { name: "192.0.2.77", exact: true }).waitFor();
});

test("many records are changed as one, those on other pages too", async (t) => {
  const { page, list, url } = await onRecords(t, Array.from({ length: 60 }, (_, i) => a(`host${i}`, `192.0.2.${i}`)));
  await page.goto(`${url}/dns/records?per_page=25&search=host`);
  await page.getByText("60 records", { exact: true }).waitFor();
  const changes = [];
  page.on("request", (r) => r.method() !== "GET" && changes.push(new URL(r.url()).pathname.split("/").at(-1)));
  await page.getByRole("checkbox", { name: "Select all records on this page" }).click();
  await page.getByRole("button", { name: "Select all 60 records that match" }).click();
  await page.getByText("60 records selected").waitFor();
  await page.getByRole("button", { name: "Edit selected" }).click();
  await choose(formDialog(page), page, "TTL", "10 min");
  await submit(page, { Comment: "all of them", "Add tags": "team:net" }, "Change 60 records");
  await page.getByText("60 records changed").waitFor();
  assert.deepEqual(changes, ["batch"]);
  assert.equal((await list()).every((r) => r.ttl === 600 && r.comment === "all of them" && r.tags.includes("team:net")), true);
  await undo(page);
  await until("all as they were", async () => (await list()).every((r) => r.ttl === 1 && !r.comment && r.tags.length === 0));
});

test("names are shown and found as people write them", async (t) => {
  const { page, zone } = await onRecords(t, [a("bücher"), { type: "URI", name: "@", priority: 10, data: { weight: 1, target: "https://example.net/" } }]);
  const cell = page.getByRole("cell", { name: `bücher.${zone.name}`, exact: true });
  await cell.waitFor();
  await until("the attribute to be as it should", async () => (await cell.locator("[title]").getAttribute("title")) === `xn--bcher-kva.${zone.name}`);
  // The priority of a URI stands once.
  assert.match(await page.getByRole("row", { name: /^.*URI/ }).innerText(), /(^|\s)10 1 "?https/);
  assert.doesNotMatch(await page.getByRole("row", { name: /^.*URI/ }).innerText(), /10\s+10/);
  await page.getByLabel("Search records").fill("bücher");
  await page.getByText("1 record", { exact: true }).waitFor();
});

test("the keyboard is where it belongs after opening, saving, escaping and deleting", async (t) => {
  const { page, zone } = await onRecords(t, [a("a1"), a("a2"), a("a3")]);
  const focused = (label) => page.waitForFunction((l) => document.activeElement?.getAttribute("aria-label") === l, label);
  const edit = (name) => `Edit A ${name}.${zone.name}`;
  for (const end of ["Escape", "Enter"]) {
    await page.getByRole("button", { name: edit("a2") }).press("Enter");
    const form = page.getByRole("form", { name: edit("a2") });
    await page.waitForFunction(() => document.activeElement?.closest("form") !== null);
    await page.keyboard.press(end);
    await form.waitFor({ state: "detached" });
    await focused(edit("a2"));
  }
  await page.keyboard.press("ArrowDown");
  await focused(edit("a3"));
  await page.keyboard.press("ArrowUp");
  await focused(edit("a2"));
  await page.getByRole("button", { name: `Delete A a2.${zone.name}` }).press("Enter");
  await submit(page, {}, "Delete");
  await focused(edit("a3"));
  await page.getByRole("button", { name: "Add record" }).press("Enter");
  const form = page.getByRole("form", { name: "Add record" });
  await form.waitFor();
  await page.keyboard.press("Escape");
  await form.waitFor({ state: "detached" });
  await focused("Add record");
});

test("a default install does not promise what it cannot do", async (t) => {
  const plain = await startPlain();
  t.after(() => plain.close());
  const { page } = await signedInto(browser, t, { server: plain });
  const zone = await plain.api("POST", "/client/v4/zones", { name: "example.com", account: { id: plain.account } });
  await plain.api("POST", `/client/v4/zones/${zone.id}/dns_records`, a("www"));
  await plain.api("POST", `/client/v4/zones/${zone.id}/dns_records`, { type: "CNAME", name: "@", content: "www.example.net" });
  await page.goto(`${plain.url}/${plain.account}/example.com/dns/records`);
  await page.locator("p", { hasText: "The CNAME at the zone apex is not answered" }).waitFor();
  assert.equal(await page.getByText("We answer it flattened").count(), 0);
  const proxy = page.getByRole("switch", { name: "Proxy A www.example.com" });
  await page.locator('[title^="There are no edge addresses yet"]').first().waitFor();
  await until("what may not be pressed to be dead", () => proxy.isDisabled());
  await page.goto(`${plain.url}/${plain.account}/settings`);
  await page.getByLabel("Addresses, one a line").fill("198.51.100.1\n2001:db8:e::1");
  await page.getByRole("button", { name: "Save edge addresses" }).click();
  await page.getByText("Edge addresses saved").waitFor();
  await page.goto(`${plain.url}/${plain.account}/example.com/dns/records`);
  await proxy.click();
  await page.getByText("www.example.com is proxied").waitFor();
});

test("nothing is wider than a phone, and in the dark what is off is dim", async (t) => {
  const { page, url } = await onRecords(t, [a("www"), { type: "TXT", name: "long", content: "v".repeat(180) }], {
    context: { viewport: { width: 390, height: 844 }, colorScheme: "dark" },
  });
  await fill(server);
  for (const path of [`${url}`, `${url}/dns/records`, `${url}/dns/settings`, `${url}/secondaries`, `${server.url}/${server.account}/home`,
    `${server.url}/${server.account}/audit-log`, `${server.url}/${server.account}/settings`, `${server.url}/users`,
    `${server.url}/${server.account}/api-tokens`, `${server.url}/${server.account}/members`, `${server.url}/${server.account}/configurations/dns-zone-transfers?tab=peers`]) {
    await page.goto(path);
    await settled(page);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wide <= 0, `${path} is ${wide} px too wide`);
  }
  await page.goto(`${url}/dns/records`);
  await settled(page);
  const table = page.getByRole("region", { name: "Records", exact: true });
  assert.ok(await table.evaluate((e) => e.scrollWidth <= e.clientWidth + 1), "records scroll sideways");
  const off = page.getByRole("switch", { name: /^Proxy A/ }).first();
  const bright = await off.evaluate((e) => {
    const c = document.createElement("canvas").getContext("2d");
    c.fillStyle = getComputedStyle(e).backgroundColor;
    c.fillRect(0, 0, 1, 1);
    return Math.max(...c.getImageData(0, 0, 1, 1).data.slice(0, 3));
  });
  assert.ok(bright < 128, `the track of an off switch has brightness ${bright}`);
});
