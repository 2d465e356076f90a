// Drafts: changes that are collected, looked at, approved by somebody else and made at once or at a time; zones of four eyes; plans before changes; and the way back.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { formDialog, signedInto, submit, unjudged } from "./hands.mjs";
import { settled, startBrowser, startHeadwater, still, until } from "./server.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const colleague = { email: "ben@example.net", password: "" };
let browser, server, n = 0;
before(async () => {
  browser = await startBrowser();
  server = await startHeadwater();
  const invite = { email: colleague.email, role: "administrator", status: "accepted" };
  colleague.password = (await server.api("POST", `/headwater/v1/accounts/${server.account}/members`, invite)).password;
});
after(async () => {
  await browser.close();
  await server.close();
});

async function clean(page, what) {
  if ((await formDialog(page).count()) === 0) await settled(page); // what lies under a dialog is hidden
  await still(page);
  await page.evaluate(axe);
  const found = await page.evaluate((context) => window.axe.run(context), unjudged);
  const bad = found.violations.filter((v) => v.impact === "serious" || v.impact === "critical");
  assert.deepEqual(bad.map((v) => `${what}: ${v.id}: ${v.nodes.map((x) => x.html.slice(0, 200)).join(" | ")}`), []);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${what}: ${wide} px too wide`);
}

/** A zone with a record, a page that is signed in, and what the zone holds. */
async function zoned(t, context = {}) {
  const name = `draft${n++}.example`;
  const zone = await server.api("POST", "/client/v4/zones", { name, account: { id: server.account } });
  const path = `/client/v4/zones/${zone.id}/dns_records`;
  const www = await server.api("POST", path, { type: "A", name: "www", content: "192.0.2.1" });
  const at = await signedInto(browser, t, { server, context: { bypassCSP: true, ...context } });
  const list = async () => (await server.api("GET", `${path}?per_page=100`)).map((r) => `${r.type} ${r.name.replace(`.${name}`, "")} ${r.content}`).sort();
  return { ...at, zone, name, www, path, list, url: `${server.url}/${server.account}/${name}`, drafts: `/headwater/v1/zones/${zone.id}/drafts` };
}

const region = (page, name) => page.getByRole("region", { name, exact: true });

/** Chooses what becomes of changes on the page of records. */
async function collect(page, item) {
  await page.getByRole("button", { name: "Collect changes into a draft" }).click();
  await page.getByRole("menuitem", { name: item }).click();
}

async function addRecord(page, name, content) {
  await page.getByRole("button", { name: "Add record" }).click();
  const form = page.getByRole("form", { name: "Add record" });
  await form.getByLabel("Name (required)").fill(name);
  await form.getByLabel("IPv4 address (required)").fill(content);
  await form.getByRole("button", { name: "Save", exact: true }).click();
  await form.waitFor({ state: "detached" });
}

test("adds, edits, deletes, imports and settings are collected, shown with what they do, and applied as one change", async (t) => {
  const { page, url, list, name, complaints, zone } = await zoned(t);
  await page.goto(`${url}/dns/records`);
  await collect(page, "Collect into a new draft");
  await clean(page, "new draft");
  await submit(page, { Name: "new servers", Note: "the old ones go" }, "Make draft");
  await region(page, "Draft").getByText("new servers").waitFor();
  const before = await list();

  await addRecord(page, "api", "192.0.2.7");
  await page.getByRole("button", { name: `Edit A www.${name}` }).click();
  const edit = page.getByRole("form", { name: `Edit A www.${name}` });
  await edit.getByLabel("IPv4 address (required)").fill("192.0.2.2");
  await edit.getByRole("button", { name: "Save", exact: true }).click();
  await edit.waitFor({ state: "detached" });
  await until("the focus back", () => page.getByRole("button", { name: `Edit A www.${name}` }).evaluate((e) => e === document.activeElement));
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await page.getByLabel("Or its text").fill("mail 300 IN A 192.0.2.25\n");
  await page.getByRole("button", { name: "Show what it does" }).click();
  await page.getByRole("dialog", { name: "What the import does" }).getByRole("button", { name: "Put into the draft" }).click();
  await formDialog(page).waitFor({ state: "detached" });
  await page.goto(`${url}/dns/settings`);
  await page.getByRole("switch", { name: "Flatten all CNAME records" }).click();
  await region(page, "Draft").getByText("(4 parts)").waitFor();
  assert.deepEqual(await list(), before, "something was changed already");

  await region(page, "Draft").getByRole("link", { name: "new servers" }).click();
  await page.getByRole("heading", { name: "new servers", level: 1 }).waitFor();
  const parts = page.getByRole("list", { name: "Parts of the draft" });
  assert.equal(await parts.locator("> li").count(), 4);
  await parts.getByText("flatten_all_cnames true").waitFor();
  await parts.getByText("by admin@example.net").first().waitFor();
  const plan = region(page, "What it would do");
  await plan.getByText(/The serial goes from \d+ to \d+/).waitFor();
  await plan.getByText(`www.${name} 300 A 192.0.2.2`).waitFor();
  await clean(page, "draft");
  await page.getByRole("button", { name: /^Take out: .* mail\./ }).click();
  await region(page, "Parts (3)").waitFor();
  await page.getByRole("button", { name: "Apply now" }).click();
  await page.keyboard.press("Escape");
  await until("the focus back at the button", () => page.getByRole("button", { name: "Apply now" }).evaluate((e) => e === document.activeElement));
  await page.keyboard.press("Enter");
  await submit(page, {}, "Apply now");
  await page.getByText(/^Applied .* under serial \d+/).first().waitFor();
  assert.deepEqual(await list(), ["A api 192.0.2.7", "A www 192.0.2.2"]);
  // What is over takes nothing, and that is said; nothing is changed unawares.
  await region(page, "Draft").getByText(/has been applied, so changes are refused/).waitFor();
  await region(page, "Draft").getByRole("button", { name: "Stop collecting" }).click();
  await region(page, "Draft").waitFor({ state: "detached" });
  // The whole of it is taken back as one.
  await page.getByRole("button", { name: "Undo", exact: true }).click();
  await until("what was", async () => JSON.stringify(await list()) === JSON.stringify(before));
  assert.equal((await server.api("GET", `/client/v4/zones/${zone.id}/dns_settings`)).flatten_all_cnames, false);
  assert.deepEqual(complaints, []);
});

test("records are shown as a draft would have them: what it adds, changes and removes is marked, edited there and taken out", async (t) => {
  const { page, url, list, name, path, complaints, drafts } = await zoned(t);
  await server.api("POST", path, { type: "A", name: "old", content: "192.0.2.3" });
  const before = await list();
  await page.goto(`${url}/dns/records`);
  await collect(page, "Collect into a new draft");
  await submit(page, { Name: "move" }, "Make draft");
  const row = (host) => page.getByRole("row").filter({ has: page.getByRole("cell", { name: new RegExp(`^${host}\\.`) }) });
  const shown = region(page, "Shown with a draft");
  const change = async (host, content) => {
    await page.getByRole("button", { name: `Edit A ${host}.${name}` }).click();
    const form = page.getByRole("form", { name: `Edit A ${host}.${name}` });
    await form.getByLabel("IPv4 address (required)").fill(content);
    await form.getByRole("button", { name: "Save", exact: true }).click();
    await form.waitFor({ state: "detached" });
    await row(host).getByText(content).waitFor();
    await until("the focus back", () => page.getByRole("button", { name: `Edit A ${host}.${name}` }).evaluate((e) => e === document.activeElement));
  };
  await addRecord(page, "new", "192.0.2.7");
  await row("new").getByText("Added", { exact: true }).waitFor();
  await change("www", "192.0.2.2");
  await row("www").getByText("Changed", { exact: true }).waitFor();
  await page.getByRole("button", { name: `Delete A old.${name}` }).click();
  await submit(page, {}, "Put into the draft");
  await row("old").getByText("Removed", { exact: true }).waitFor();
  await shown.getByText("1 added, 1 changed, 1 removed").waitFor();
  // What the draft has made is edited on: its own record, and a second time.
  await change("new", "192.0.2.8");
  await change("www", "192.0.2.9");
  await shown.getByText("1 added, 1 changed, 1 removed").waitFor();
  assert.deepEqual(await list(), before, "something was changed already");
  // Marked rows are not selected with others, and there is one way with each.
  assert.equal(await page.getByRole("checkbox", { name: /^Select A / }).count(), 0);
  assert.equal(await page.getByRole("button", { name: /^Delete A / }).count(), 0);
  await clean(page, "records with a draft");
  await page.setViewportSize({ width: 390, height: 844 });
  await clean(page, "records with a draft, on a phone");
  await page.setViewportSize({ width: 1280, height: 720 });
  // A search finds what is not in the zone yet, and nothing else of the draft.
  await page.getByLabel("Search records").fill("192.0.2.8");
  await row("new").waitFor();
  await row("www").waitFor({ state: "detached" });
  await page.getByLabel("Search records").fill("");
  await row("www").waitFor();

  await shown.getByRole("button", { name: "Show records as they are" }).click();
  await row("www").getByText("192.0.2.1").waitFor();
  assert.equal(await row("new").count(), 0);
  await shown.getByRole("button", { name: "Show with “move”" }).click();
  await row("new").waitFor();
  await page.getByRole("button", { name: `Take out of the draft: A old.${name}` }).click();
  await shown.getByText("1 added, 1 changed.").waitFor();
  await page.getByRole("button", { name: `Take out of the draft: A www.${name}` }).click();
  await shown.getByText("1 added.").waitFor();
  await row("www").getByText("192.0.2.1").waitFor();

  // Somebody who collects nothing is told of it, looks, changes nothing of it unawares, and goes on with it if he wants to.
  await region(page, "Draft").getByRole("button", { name: "Stop collecting" }).click();
  await shown.getByText("1 draft is open. Records are shown as they are.").waitFor();
  await shown.getByRole("button", { name: "Show with “move”" }).click();
  await row("new").waitFor();
  assert.equal(await page.getByRole("button", { name: `Edit A new.${name}` }).count(), 0);
  await page.reload();
  await row("new").waitFor();
  await shown.getByRole("button", { name: "Collect into it" }).click();
  await page.getByRole("button", { name: `Edit A new.${name}` }).waitFor();

  const [{ id }] = await server.api("GET", drafts);
  const { version } = await server.api("GET", `${drafts}/${id}`);
  await server.api("POST", `${drafts}/${id}/apply`, { version });
  await until("what was put together", async () => JSON.stringify(await list()) === JSON.stringify(["A new 192.0.2.8", "A old 192.0.2.3", "A www 192.0.2.1"]));
  await row("new").getByText("Added", { exact: true }).waitFor({ state: "detached" });
  assert.deepEqual(complaints, []);
});

test("a page that is loaded again still collects, and another zone does not", async (t) => {
  const { page, url, list } = await zoned(t);
  const other = await zoned(t);
  await page.goto(`${url}/dns/records`);
  await collect(page, "Collect into a new draft");
  await submit(page, { Name: "kept" }, "Make draft");
  await region(page, "Draft").waitFor();
  await page.reload();
  await region(page, "Draft").getByText("kept").waitFor();
  await addRecord(page, "a", "192.0.2.8");
  await region(page, "Draft").getByText("(1 part)").waitFor();
  assert.deepEqual(await list(), ["A www 192.0.2.1"]);
  await page.goto(`${other.url}/dns/records`);
  await settled(page);
  assert.equal(await region(page, "Draft").count(), 0);
  await addRecord(page, "b", "192.0.2.9");
  assert.ok((await other.list()).includes("A b 192.0.2.9"));
});

test("four eyes: a change leads to a draft, its author cannot approve it, somebody else does, and it is applied at a time or not", async (t) => {
  const { page, url, list, name, complaints, zone, drafts } = await zoned(t);
  await page.goto(`${url}/drafts`);
  await page.getByText("No drafts").waitFor();
  await page.getByRole("switch", { name: "Changes need approval" }).click();
  await submit(page, {}, "Switch on");
  await page.getByText("Four eyes are on").first().waitFor();
  await page.getByRole("button", { name: "Exceptions" }).waitFor();
  await page.goto(`${url}/dns/records`);
  await page.getByRole("button", { name: `Delete A www.${name}` }).click();
  await formDialog(page).getByRole("button", { name: "Delete", exact: true }).click();
  const lead = page.getByRole("dialog", { name: "This zone is changed by approved drafts" });
  await lead.waitFor();
  await clean(page, "led to a draft");
  await lead.getByLabel(/^Name of the draft/).fill("www goes");
  await lead.getByRole("button", { name: "Put into the draft" }).click();
  await region(page, "Draft").getByText("(1 part)").waitFor();
  await formDialog(page).waitFor({ state: "detached" });
  assert.deepEqual(await list(), ["A www 192.0.2.1"]);
  await region(page, "Draft").getByRole("link", { name: "www goes" }).click();
  await page.getByText("Whoever has a part in the draft cannot approve it.").waitFor();
  await until("what may not be pressed to be dead", () => page.getByRole("button", { name: "Approve", exact: true }).isDisabled());
  await until("what may not be pressed to be dead", () => page.getByRole("button", { name: "Apply now" }).isDisabled());

  const second = await browser.newContext({ viewport: { width: 390, height: 844 }, colorScheme: "dark", reducedMotion: "reduce", bypassCSP: true });
  t.after(() => second.close());
  const ben = await second.newPage();
  ben.setDefaultTimeout(15_000);
  await ben.goto(server.url);
  await ben.getByLabel("E-mail", { exact: true }).fill(colleague.email);
  await ben.getByLabel("Password", { exact: true }).fill(colleague.password);
  await ben.getByRole("button", { name: "Log in" }).click();
  await ben.getByRole("heading", { name: "Account home" }).waitFor();
  await ben.goto(page.url());
  await ben.getByRole("button", { name: "Approve", exact: true }).click();
  await ben.getByText("Approved by ben@example.net").waitFor();
  await clean(ben, "draft, 390 px, dark");
  await ben.getByRole("button", { name: "Withdraw approval" }).click();
  await ben.getByRole("button", { name: "Approve", exact: true }).click();
  // The other one sees it as it comes.
  await page.getByText("Approved by ben@example.net").waitFor();
  await page.getByRole("button", { name: "Apply at a time" }).click();
  await clean(page, "apply at a time");
  await formDialog(page).getByLabel(/^Time/).fill("2020-01-01T00:00");
  await formDialog(page).getByRole("button", { name: "Schedule" }).click();
  await formDialog(page).getByText(/The time must lie ahead/).waitFor();
  const soon = new Date(Date.now() + 3_600_000);
  await formDialog(page).getByLabel(/^Time/).fill(new Date(soon.getTime() - soon.getTimezoneOffset() * 60_000).toISOString().slice(0, 16));
  await formDialog(page).getByRole("button", { name: "Schedule" }).click();
  await page.getByRole("button", { name: "Cancel the schedule" }).click();
  await page.getByRole("button", { name: "Apply at a time" }).waitFor();
  const [d] = await server.api("GET", drafts);
  await server.api("POST", `${drafts}/${d.id}/apply`, { version: d.version, at: new Date(Date.now() + 1500).toISOString() });
  await page.getByText(/^Applied .* under serial \d+/).first().waitFor();
  assert.deepEqual(await list(), []);
  await page.goto(`${url}/drafts`);
  await page.getByRole("row", { name: /www goes Applied/ }).waitFor();
  await clean(page, "drafts");
  await ben.goto(`${url}/drafts`);
  await clean(ben, "drafts, 390 px, dark");
  // Administrators of the server may switch it off alone.
  await region(page, "Draft").getByRole("button", { name: "Stop collecting" }).click();
  await page.getByRole("switch", { name: "Changes need approval" }).click();
  await submit(page, {}, "Switch off");
  await until("four eyes to be off", async () => (await server.api("GET", `/headwater/v1/zones/${zone.id}/four_eyes`)).enabled === false);
  assert.deepEqual(complaints, []);
});

test("parts that clash are named, nothing is applied, and without them it goes", async (t) => {
  const { page, url, list, www, path, name, drafts } = await zoned(t);
  await page.goto(`${url}/dns/records`);
  await collect(page, "Collect into a new draft");
  await submit(page, { Name: "clashes" }, "Make draft");
  await addRecord(page, "fine", "192.0.2.8");
  await page.getByRole("button", { name: `Delete A www.${name}` }).click();
  await submit(page, {}, "Put into the draft");
  await server.api("PATCH", `${path}/${www.id}`, { content: "192.0.2.99" });
  const [d] = await server.api("GET", drafts);
  await page.goto(`${url}/drafts/${d.id}`);
  await page.getByText(`Clashes: A www.${name}: somebody has changed it since.`).waitFor();
  await page.getByText(/^1 part clashes with what the zone is now/).waitFor();
  await until("what may not be pressed to be dead", () => page.getByRole("button", { name: "Apply now" }).isDisabled());
  await clean(page, "clash");
  await page.getByRole("button", { name: `Take out: Record deleted, A www.${name}` }).click();
  await region(page, "Parts (1)").waitFor();
  await page.getByRole("button", { name: "Apply now" }).click();
  await submit(page, {}, "Apply now");
  await page.getByText(/^Applied .* under serial \d+/).first().waitFor();
  assert.deepEqual(await list(), ["A fine 192.0.2.8", "A www 192.0.2.99"]);
});

test("what would change is shown before it is done: deletes, edits of many, settings, peers, and who would refuse the zone", async (t) => {
  const { page, url, list, name, zone } = await zoned(t, { viewport: { width: 390, height: 844 } });
  await server.api("POST", `/client/v4/zones/${zone.id}/dns_records`, { type: "CNAME", name: "@", content: "target.example.net" });
  const before = await list();
  const plan = region(page, "What it would do");
  await page.goto(`${url}/dns/records`);
  await page.getByRole("button", { name: `Delete A www.${name}` }).click();
  await page.getByRole("button", { name: "Preview" }).click();
  await plan.getByText("1 deleted.").waitFor();
  await plan.getByText(`www.${name} 300 A 192.0.2.1`).waitFor();
  await clean(page, "preview of a delete, 390 px");
  await page.keyboard.press("Escape");
  await page.getByRole("checkbox", { name: `Select A www.${name}` }).click();
  await page.getByRole("button", { name: "Edit selected" }).click();
  await formDialog(page).getByLabel("Comment").fill("seen");
  await page.getByRole("button", { name: "Preview" }).click();
  await plan.getByText("Nobody would see it in the DNS, and no secondary gets anything new.").waitFor();
  await formDialog(page).getByLabel("Comment").fill("seen twice");
  await plan.waitFor({ state: "detached" });
  await page.keyboard.press("Escape");
  await page.goto(`${url}/dns/settings`);
  const soa = region(page, "SOA record");
  await soa.getByLabel("Refresh").fill("4000");
  await soa.getByRole("button", { name: "Preview" }).click();
  await plan.getByText(/ 4000 2400 /).waitFor();
  await page.getByRole("button", { name: "Preview the mode “edge”" }).click();
  await plan.last().waitFor();
  await clean(page, "previews of settings, 390 px");
  assert.deepEqual(await list(), before);
  assert.equal((await server.api("GET", `/client/v4/zones/${zone.id}/dns_settings`)).soa.refresh, 10000);
});

test("Undo takes the very change back: a record with its id, and not what others have changed since", async (t) => {
  const { page, url, list, name, www, path } = await zoned(t);
  await page.goto(`${url}/dns/records`);
  const edit = async (content) => {
    await page.getByRole("button", { name: `Edit A www.${name}` }).click();
    const form = page.getByRole("form", { name: `Edit A www.${name}` });
    await form.getByLabel("IPv4 address (required)").fill(content);
    await form.getByRole("button", { name: "Save", exact: true }).click();
    await form.waitFor({ state: "detached" });
  };
  await page.getByRole("button", { name: `Delete A www.${name}` }).click();
  await submit(page, {}, "Delete");
  await page.getByRole("button", { name: "Undo", exact: true }).click();
  await page.getByRole("cell", { name: `www.${name}`, exact: true }).waitFor();
  await page.getByRole("button", { name: "Undo", exact: true }).waitFor({ state: "detached" }); // the next one is another change's
  assert.equal((await server.api("GET", path))[0].id, www.id);
  await edit("192.0.2.50");
  await server.api("PATCH", `${path}/${www.id}`, { content: "192.0.2.60" });
  await page.getByRole("button", { name: "Undo", exact: true }).click();
  await page.getByText(/has been changed since by the change/).first().waitFor();
  assert.deepEqual(await list(), ["A www 192.0.2.60"]);
});

test("the days of history are kept, and curves are shown over an hour, a day and a month", async (t) => {
  const { page, url } = await zoned(t, { viewport: { width: 390, height: 844 } });
  const days = async () => (await server.api("GET", `/headwater/v1/accounts/${server.account}/history`)).days;
  await page.goto(`${server.url}/${server.account}/settings`);
  const card = region(page, "History");
  await card.getByLabel("Keep for (days)").fill("30");
  await card.getByRole("button", { name: "Save history" }).press("Enter");
  await until("30 days", async () => (await days()) === 30);
  await page.getByRole("button", { name: "Undo", exact: true }).click();
  await until("90 days", async () => (await days()) === 90);
  await page.goto(`${server.url}/${server.account}/traffic`);
  for (const period of ["Month", "Hour", "Day"]) {
    await page.getByRole("button", { name: period, exact: true }).click();
    await region(page, "Queries").getByRole("group", { name: /^Queries for all zones/ }).waitFor();
  }
  await clean(page, "traffic, 390 px");
  await page.goto(url);
  await clean(page, "overview, 390 px");
});
