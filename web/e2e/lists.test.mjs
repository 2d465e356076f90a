// Many zones, those who may only look, and how much a page asks for.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fill } from "./fixture.mjs";
import { freePort } from "./nsd.mjs";
import { choose, formDialog, signedInto, submit } from "./hands.mjs";
import { settled, startBrowser, startHeadwater, until } from "./server.mjs";

let browser, server, made;
before(async () => {
  browser = await startBrowser();
  server = await startHeadwater();
  for (let i = 0; i < 60; i++) await server.api("POST", "/client/v4/zones", { name: `a${String(i).padStart(3, "0")}.example`, account: { id: server.account } });
  made = await fill(server, { ip: "127.0.0.1", port: await freePort() }); // where nothing listens
  await until("trouble", async () => (await server.api("GET", "/headwater/v1/zones?standing=trouble")).length > 0);
});
after(async () => {
  await browser.close();
  await server.close();
});

const into = (t, options) => signedInto(browser, t, { server, ...options });
const at = (path) => `${server.url}/${server.account}/${path}`;
const isAPI = (r) => /\/(client|headwater)\//.test(r.url());

test("the home of many zones is few requests", async (t) => {
  const { page } = await into(t);
  const asked = [];
  page.on("request", (r) => isAPI(r) && asked.push(`${r.method()} ${r.url()}`));
  await page.goto(at("home"));
  await page.getByRole("link", { name: "a000.example", exact: true }).waitFor();
  await settled(page);
  // What was read before the stream of events began is read once more: how much that is depends on which of them is quicker.
  assert.ok(new Set(asked).size <= 6 && asked.length <= 10, `${asked.length} requests: ${asked.join(", ")}`);
  const row = page.getByRole("row", { name: /example\.com/ });
  await page.getByLabel("Search zones").fill("example.com");
  await row.waitFor();
  await page.getByRole("button", { name: "1 zone needs attention" }).click();
  await page.waitForURL(/standing=trouble/);
  await row.getByText(/1 (unreachable|behind)/).waitFor();
});

test("a deep link asks for all at once, and as many rows fit as work needs", async (t) => {
  const { page } = await into(t, { context: { viewport: { width: 1440, height: 900 } } });
  const zone = await server.api("POST", "/client/v4/zones", { name: "big.example", account: { id: server.account } });
  const posts = Array.from({ length: 500 }, (_, i) => ({ type: "A", name: `host${i}`, content: `192.0.${i >> 8}.${i & 255}` }));
  await server.api("POST", `/client/v4/zones/${zone.id}/dns_records/batch`, { posts });
  // What is late is the API alone, and what is asked for after its first answer is not answered before the rows are there: they need one round.
  const late = 2000;
  let answered = 0;
  const after = [];
  let show;
  const shown = new Promise((resolve) => (show = resolve));
  page.on("request", (r) => answered > 0 && r.resourceType() === "script" && after.push(new URL(r.url()).pathname));
  await page.route(/\/(client|headwater)\//, async (r) => {
    try {
      const second = answered > 0;
      const response = await r.fetch();
      await (second ? shown : new Promise((resolve) => setTimeout(resolve, late)));
      answered++;
      await r.fulfill({ response });
    } catch {
      // The page waits for it no longer.
    }
  });
  const start = Date.now();
  await page.goto(at("big.example/dns/records"));
  await page.getByRole("cell", { name: "host0.big.example", exact: true }).waitFor();
  const took = Date.now() - start;
  show();
  t.diagnostic(`deep link to rows, each answer 2 s late: ${took} ms`);
  assert.deepEqual(after, [], "scripts of the page are asked for only after an answer");
  await page.unroute(/\/(client|headwater)\//);
  await settled(page);
  const seen = await page.evaluate(() => [...document.querySelectorAll("tbody tr")].filter((r) => r.getBoundingClientRect().bottom <= innerHeight).length);
  t.diagnostic(`rows that fit 1440x900: ${seen}`);
  assert.ok(seen >= 17, `${seen} rows fit`);

  await page.goto(at("big.example/dns/records?per_page=500"));
  await page.getByRole("cell", { name: "host499.big.example", exact: true }).waitFor();
  // What an act changes in the table: a thing of each row that it concerns, whatever else stands in the rows.
  const touched = (label, done) =>
    page.evaluate(
      ([l, d]) =>
        new Promise((resolve) => {
          const table = document.querySelector("table");
          let n = 0;
          new MutationObserver((list) => (n += list.length)).observe(table, { subtree: true, attributes: true, childList: true, characterData: true });
          document.querySelector(`[aria-label="${l}"]`).click();
          const there = () => (d === null ? document.querySelector("form") !== null : document.querySelector('[role="status"].text-sm').textContent === d);
          const look = () => (there() ? setTimeout(() => resolve(n), 100) : setTimeout(look, 20));
          look();
        }),
      [label, done],
    );
  const all = "Select all records on this page";
  const counts = [await touched("Select A host0.big.example", "1 record selected"), await touched(all, "500 records selected"), await touched(all, "500 records"), await touched("Edit A host1.big.example", null)];
  t.diagnostic(`500 rows, changes of the table by one tick, select all, none, open a form: ${counts.join(", ")}`);
  assert.ok(counts[0] <= 10 && counts[1] <= 510 && counts[2] <= 510 && counts[3] <= 60, `${counts}`);
  await page.keyboard.press("Escape");
  await page.getByRole("form").waitFor({ state: "detached" });
  // Rows out of sight are neither laid out nor drawn: what opens above them costs what is to be seen.
  const skipped = await page.evaluate(() => [...document.querySelectorAll("tbody tr")].filter((r) => !r.lastElementChild.checkVisibility({ contentVisibilityAuto: true })).length);
  t.diagnostic(`500 rows, not drawn: ${skipped}`);
  assert.ok(skipped > 300, `${skipped} of 500 rows are not drawn`);
  // What the page itself needs until it has drawn what follows: the hand that clicks is no part of it.
  const drawn = (name, label) =>
    page.evaluate(
      (l) =>
        new Promise((resolve) => {
          const e = document.querySelector(`[aria-label="${l}"]`);
          const start = performance.now();
          e.click();
          requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - start)));
        }),
      label,
    ).then((ms) => t.diagnostic(`500 rows, ${name}: ${Math.round(ms)} ms`));
  await drawn("one tick", "Select A host0.big.example");
  await page.getByText("1 record selected").waitFor();
  await drawn("select all", "Select all records on this page");
  await page.getByText("500 records selected").waitFor();
  await drawn("open a form", "Edit A host1.big.example");
  await page.getByRole("form", { name: "Edit A host1.big.example" }).waitFor();
});

test("jump leads to zones, records, pages and acts by a few letters", async (t) => {
  const { page, complaints } = await into(t);
  await page.goto(at("example.com"));
  await settled(page);
  const jump = async (letters, option) => {
    await page.keyboard.press("Control+k");
    const box = page.getByRole("combobox", { name: "Zone, record, page or act" });
    await box.waitFor();
    assert.equal(await box.evaluate((e) => e === document.activeElement), true);
    await box.fill(letters);
    const wanted = page.getByRole("option", { name: option }).first();
    await wanted.waitFor();
    for (let i = 0; i < 20 && (await wanted.getAttribute("aria-selected")) !== "true"; i++) await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await box.waitFor({ state: "detached" });
  };
  await jump("spf1", /TXT example\.com v=spf1/);
  await page.waitForURL(/search=/);
  await jump("a057", /a057\.example/);
  await page.waitForURL(/a057\.example\/dns\/records/);
  await jump("audit", /Audit log/);
  await page.getByRole("heading", { name: "Audit log" }).waitFor();
  await jump("add a zone", /Add a zone/);
  await page.getByRole("dialog", { name: "Add a zone" }).waitFor();
  await page.keyboard.press("Escape");
  assert.deepEqual(complaints, []);
});

test("the configuration has the real port, any zone, and stands at the peer; so do a token's zones and its last day", async (t) => {
  const { page } = await into(t, { context: { timezoneId: "America/Los_Angeles" } });
  await page.goto(at("configurations/dns-zone-transfers?tab=peers"));
  await page.getByRole("button", { name: "Configuration of ns-secondary-1" }).click();
  const dialog = page.getByRole("dialog", { name: "Configuration for your secondary" });
  await until("the real port", async () => (await dialog.getByLabel("Port").inputValue()) === server.dns);
  await dialog.getByLabel("Find a zone").fill("example.com");
  await choose(dialog, page, "Zone", "example.com");
  await dialog.getByText(/zone "example\.com"/).waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();

  await page.goto(at("api-tokens"));
  await page.getByRole("button", { name: "Create Token" }).click();
  const form = formDialog(page);
  await form.getByLabel("Token name").fill("until");
  await form.getByRole("checkbox", { name: "DNS Read" }).click();
  await form.getByLabel("Find a zone").fill("example.com");
  await choose(form, page, "Zone resources", "example.com");
  await form.getByLabel("Last day").fill("2030-01-31");
  await form.getByRole("button", { name: "Create Token" }).click();
  await page.getByRole("dialog", { name: "Your API token" }).waitFor();
  const token = (await server.api("GET", "/client/v4/user/tokens?per_page=50")).find((x) => x.name === "until");
  assert.equal(token.expires_on.replace(".000000", ""), "2030-02-01T08:00:00Z");
  assert.match(JSON.stringify(token.policies), new RegExp(made.zone.id));
});

test("the steps are about a zone that is named and chosen", async (t) => {
  const { page } = await into(t);
  await page.goto(at("get-started"));
  await page.getByRole("heading", { name: /of 8 done for a000\.example/ }).waitFor();
  await page.getByLabel("Find a zone").fill("example.com");
  await choose(page, page, "Zone that the steps are about", "example.com");
  await page.getByRole("heading", { name: /of 8 done for example\.com/ }).waitFor();
  await page.locator('li[data-done="true"]', { hasText: "Add DNS records" }).waitFor();
});

test("who may only look sees what he may not do, and a token for DNS sees its zones", async (t) => {
  const groups = await server.api("GET", "/client/v4/user/tokens/permission_groups");
  const token = await server.api("POST", "/client/v4/user/tokens", {
    name: "dns",
    policies: [{ effect: "allow", permission_groups: [{ id: groups.find((g) => g.name === "DNS Read").id }], resources: { [`com.cloudflare.api.account.zone.${made.zone.id}`]: "*" } }],
  });
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  await page.goto(server.url);
  await page.getByRole("tab", { name: "API token" }).click();
  await page.getByLabel("API token", { exact: true }).fill(token.value);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { name: "Account home" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Add a zone" }).isDisabled(), true);
  await page.getByRole("link", { name: "example.com", exact: true }).click();
  await page.getByText("8 records", { exact: true }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Add record" }).isDisabled(), true);
  assert.equal(await page.getByRole("button", { name: /^(Edit|Delete) / }).count(), 0);
  await page.goto(at("example.com/dns/settings"));
  await page.getByText("Your role here is read only.").first().waitFor();
  assert.equal(await page.getByRole("switch", { name: "Outgoing Zone Transfers" }).isDisabled(), true);
});

test("the audit log is read as sentences, found by zone", async (t) => {
  const { page } = await into(t);
  await page.goto(at("audit-log"));
  await page.getByLabel("Zone", { exact: true }).fill("example.com");
  await page.getByRole("button", { name: "Find" }).click();
  await page.waitForURL(/zone=example\.com/);
  await page.getByRole("button", { name: "Show: added 8 records in example.com" }).click();
  const dialog = page.getByRole("dialog", { name: "added 8 records in example.com" });
  await dialog.getByRole("row", { name: /content – .*spf1/ }).waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export this page as CSV" }).click()]);
  assert.equal(file.suggestedFilename(), "audit-log.csv");
});

test("an unlinked zone leaves the console clean, and the names to delegate to are the whole set", async (t) => {
  const { page } = await into(t);
  const said = [];
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && said.push(m.text()));
  for (const path of ["a001.example", "a001.example/dns/records", "a001.example/dns/settings", "a001.example/secondaries", "home", "get-started", "configurations/dns-zone-transfers"]) {
    await page.goto(at(path));
    await settled(page);
  }
  assert.deepEqual(said, []);
  await server.api("PATCH", `/client/v4/zones/${made.zone.id}/dns_settings`, { multi_provider: true });
  await page.goto(at("example.com/dns/settings"));
  const names = page.getByRole("list", { name: "Names to delegate to" });
  await names.getByText("ns.other.example").waitFor();
  assert.deepEqual(await names.getByRole("listitem").allInnerTexts(), ["ns1.example.net", "ns2.example.net", "ns.other.example"]);
});

test("administrators of the server suspend a user and let him in again", async (t) => {
  const { page } = await into(t);
  await page.goto(at("members"));
  await page.getByRole("button", { name: "Add member" }).click();
  await submit(page, { "E-mail": "guest@example.net" }, "Add member").catch(() => undefined);
  await page.goto(`${server.url}/users`);
  await page.getByRole("button", { name: "Suspend: guest@example.net" }).click();
  await submit(page, {}, "Suspend");
  const row = page.getByRole("row", { name: /guest@example\.net/ });
  await row.getByText("Suspended").waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await row.getByText("Active").waitFor();
});
