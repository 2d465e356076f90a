// What the dashboard promises: it says when it knows nothing, loses nothing that was typed, and asks before it harms.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fill } from "./fixture.mjs";
import { formDialog, signInAgain, signedInto, submit } from "./hands.mjs";
import { settled, startBrowser, still, until } from "./server.mjs";

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

const filled = async (t) => {
  const at = await signedInto(browser, t);
  const made = await fill(at.server);
  return { ...at, ...made, dns: (page) => `${at.server.url}/${at.server.account}/example.com/dns/${page}` };
};

/** Everything that the server answers but the page itself. */
const api = /\/(client|headwater|healthz)/;

test("a server that is away is told at once, and pages come back with it", async (t) => {
  const { server, page } = await filled(t);
  await page.goto(`${server.url}/${server.account}/example.com/secondaries`);
  await settled(page);
  await page.route(api, (r) => r.abort("connectionrefused"));
  await page.getByText(/No contact with Headwater since/).waitFor();
  await page.getByRole("link", { name: "Audit log" }).or(page.getByRole("button", { name: "Audit log" })).first().click();
  await page.locator("main").getByRole("button", { name: "Try again" }).waitFor();
  await page.unroute(api);
  await page.getByText(/No contact with Headwater since/).waitFor({ state: "detached" });
  await page.getByRole("heading", { name: "Audit log" }).waitFor();
});

test("a form outlives the session: signing in over it saves what was typed", async (t) => {
  const { server, page, zone, dns } = await filled(t);
  await page.goto(dns("records"));
  await page.getByRole("button", { name: "Add record" }).click();
  const form = page.getByRole("form", { name: "Add record" });
  await form.getByLabel("Name (required)").fill("kept");
  await form.getByLabel("IPv4 address (required)").fill("192.0.2.99");
  await page.context().clearCookies();
  await form.getByRole("button", { name: "Save", exact: true }).click();
  await signInAgain(page);
  await page.getByRole("cell", { name: "kept.example.com", exact: true }).waitFor();
  const made = await server.api("GET", `/client/v4/zones/${zone.id}/dns_records?name=kept.example.com`);
  assert.equal(made.length, 1);

  // A file is asked for as well: the browser alone would save the refusal.
  await page.context().clearCookies();
  await page.getByRole("link", { name: "Export" }).click();
  const [file] = await Promise.all([page.waitForEvent("download"), signInAgain(page)]);
  assert.match(await readFile(await file.path(), "utf8"), /kept\.example\.com\./);
});

test("switching transfers off says what follows, and removing a zone asks for its name", async (t) => {
  const { server, page, zone, dns } = await filled(t);
  const status = () => server.api("GET", `/client/v4/zones/${zone.id}/secondary_dns/outgoing/status`);
  await page.goto(dns("settings"));
  await page.getByRole("switch", { name: "Outgoing Zone Transfers" }).click();
  const asked = page.getByRole("dialog", { name: "Switch outgoing transfers off" });
  await asked.getByText(/ns-secondary-1 is refused.* 7 days /).waitFor();
  await asked.getByRole("button", { name: "Cancel" }).click();
  await asked.waitFor({ state: "detached" });
  assert.equal(await status(), "Enabled");
  await page.getByRole("switch", { name: "Outgoing Zone Transfers" }).click();
  await submit(page, {}, "Switch off");
  await until("transfers to be off", async () => (await status()) === "Disabled");

  await page.getByRole("button", { name: "Remove zone" }).click();
  const removal = page.getByRole("dialog", { name: "Remove zone" });
  const button = removal.getByRole("button", { name: "Remove zone" });
  await until("what may not be pressed to be dead", () => button.isDisabled());
  await removal.getByLabel("Type example.com to remove it").fill("example.org");
  await until("what may not be pressed to be dead", () => button.isDisabled());
  await submit(page, { "Type example.com to remove it": "example.com" }, "Remove zone");
  await page.getByRole("heading", { name: "Account home" }).waitFor();
  await page.goBack();
  await page.getByText("There is no zone example.com here.").waitFor();
});

test("a finding of the review leads to where it is mended", async (t) => {
  const { page, dns, server, zone } = await filled(t);
  await server.api("POST", `/client/v4/zones/${zone.id}/secondary_dns/outgoing/disable`, {});
  await page.goto(dns("settings"));
  await page.getByRole("switch", { name: "Outgoing Zone Transfers" }).click();
  const review = page.getByRole("dialog", { name: "Review before transfers" });
  await review.getByRole("button", { name: "Transfer mode" }).first().click();
  await review.waitFor({ state: "detached" });
  await page.waitForFunction(() => document.activeElement?.closest("#transfer-mode") !== null);
});

test("addresses lead somewhere, whatever stands in them", async (t) => {
  const { server, page, dns, zone } = await filled(t);
  const home = `${server.url}/${server.account}`;
  await page.goto(`${home}/example.com`);
  await page.getByRole("heading", { name: "example.com", exact: true }).waitFor();
  assert.equal(await page.title(), "example.com · Overview | Headwater");
  await page.goto(dns("records?page=99"));
  await page.getByText("8 records", { exact: true }).waitFor();
  await page.getByRole("cell", { name: "www.example.com", exact: true }).waitFor();
  assert.doesNotMatch(page.url(), /page=99/);
  for (const bad of ["records?page=0", "records?page=abc", "records?order=nothing"]) {
    await page.goto(dns(bad));
    await page.getByRole("cell", { name: "www.example.com", exact: true }).waitFor();
  }
  // What was deleted takes its page with it, and where there is nothing, nothing leads on.
  await server.api("POST", `/client/v4/zones/${zone.id}/dns_records/batch`, { posts: Array.from({ length: 18 }, (_, i) => ({ type: "A", name: `host${i}`, content: "192.0.2.1" })) });
  await page.goto(dns("records?per_page=25&page=2&order=name&direction=desc"));
  await page.getByText("26 records", { exact: true }).waitFor();
  await page.getByRole("button", { name: /^Delete / }).click();
  await submit(page, {}, "Delete");
  await page.getByText("25 records", { exact: true }).waitFor();
  await page.waitForURL((u) => !u.searchParams.has("page"));
  await until("the page before", async () => (await page.getByRole("button", { name: /^Delete / }).count()) === 25);
  await page.goto(`${home}/example.org/dns/records`);
  await page.getByText("No records", { exact: true }).waitFor();
  assert.equal(await page.getByRole("button", { name: /next page/i }).count(), 0);
  await page.goto(`${server.url}/${"0".repeat(32)}/home`);
  await page.getByText("There is no such account, or you may not see it.").waitFor();
  await page.goto(`${home}/no/such/page/here`);
  await page.getByText("There is no such page.").waitFor();
  await page.getByRole("button", { name: "User menu" }).waitFor();
});

test("a search is one step of the history, and its box follows the address", async (t) => {
  const { server, page, dns } = await filled(t);
  await page.goto(`${server.url}/${server.account}/home`);
  await settled(page);
  await page.getByRole("link", { name: "example.com", exact: true }).click();
  await page.getByText("8 records", { exact: true }).waitFor();
  const box = page.getByLabel("Search records");
  for (const text of ["m", "mx", "mx.", "mx.e"]) {
    await box.fill(text);
    await page.waitForURL((u) => u.searchParams.get("search") === text);
  }
  await page.goBack();
  await page.getByRole("heading", { name: "Account home" }).waitFor();
  await page.goto(dns("records?search=spf1"));
  await page.getByText("1 record", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Records" }).or(page.getByRole("link", { name: "Records" })).first().click();
  await page.getByText("8 records", { exact: true }).waitFor();
  assert.equal(await box.inputValue(), "");
});

test("the keyboard goes into a form and back to the row", async (t) => {
  const { page, dns } = await filled(t);
  await page.goto(dns("records"));
  const pencil = page.getByRole("button", { name: "Edit MX example.com" });
  await pencil.press("Enter");
  const form = page.getByRole("form", { name: "Edit MX example.com" });
  await form.waitFor();
  await until("the keyboard in the form", () => form.evaluate((f) => f.contains(document.activeElement)));
  await page.keyboard.press("Escape");
  await form.waitFor({ state: "detached" });
  await page.waitForFunction(() => document.activeElement?.getAttribute("aria-label") === "Edit MX example.com");
});

test("rows are as dense as work needs them", async (t) => {
  const { page, dns } = await filled(t);
  await page.goto(dns("records"));
  const row = page.getByRole("row", { name: /mx.example.net/ });
  assert.ok((await row.boundingBox()).height <= 42, `a row of one line is ${(await row.boundingBox()).height} px high`);
});

test("the frame remembers the account, folds to its mark, and its lines meet", async (t) => {
  const { server, page } = await filled(t);
  const second = await server.api("POST", "/headwater/v1/accounts", { name: "Another" });
  await page.goto(`${server.url}/${second.id}/home`);
  await page.getByRole("heading", { name: "Account home" }).waitFor();
  await page.goto(`${server.url}/`);
  await page.waitForURL(new RegExp(`/${second.id}/home`));
  await page.goto(`${server.url}/profile`);
  await page.getByRole("link", { name: "Account home" }).click();
  await page.waitForURL(new RegExp(`/${second.id}/home`));
  const bottoms = await page.evaluate(() => ['[data-sidebar="header"]', "#main"].map((s) => document.querySelector(s).getBoundingClientRect()).map((r, i) => (i === 0 ? r.bottom : r.top)));
  assert.ok(Math.abs(bottoms[0] - bottoms[1]) <= 1, `the lines under the headers are at ${bottoms}`);
  await page.getByRole("button", { name: "Collapse the sidebar" }).click();
  await page.getByText("Headwater", { exact: true }).waitFor({ state: "hidden" });

  await page.goto(`${server.url}/${server.account}/api-tokens`);
  await page.getByRole("button", { name: "Create Token" }).click();
  const list = formDialog(page).getByRole("group", { name: "Permissions" });
  const boxes = list.getByRole("checkbox");
  await until("the permissions", async () => (await boxes.count()) > 20);
  await still(page); // both are measured where they stay
  const [frame, first] = [await list.boundingBox(), await boxes.first().boundingBox()];
  assert.ok(first.x - 1 >= frame.x, "the boxes' left borders are cut");
  await boxes.last().scrollIntoViewIfNeeded();
  assert.ok((await boxes.last().boundingBox()).y < frame.y + (await formDialog(page).boundingBox()).height);
});
