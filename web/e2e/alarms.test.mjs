// Alarms: what is wrong, what counts as that, and whom it is told to.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fill } from "./fixture.mjs";
import { choose, clean, formDialog, signedInto, submit } from "./hands.mjs";
import { freePort } from "./nsd.mjs";
import { startBrowser, startHeadwater, until } from "./server.mjs";

let browser, server;
before(async () => {
  browser = await startBrowser();
  server = await startHeadwater("--probe-interval", "500ms");
  await server.api("PATCH", `/headwater/v1/accounts/${server.account}/alarm_rules`, { rules: [{ rule: "secondary_silent", after: 1 }, { rule: "secondary_behind", after: 1 }] });
  await fill(server, { ip: "127.0.0.1", port: await freePort() }); // where nothing listens
});
after(async () => {
  await browser.close();
  await server.close();
});

const into = (t, context = {}) => signedInto(browser, t, { server, context: { bypassCSP: true, ...context } });
const at = (tab) => `${server.url}/${server.account}/alarms?tab=${tab}`;

test("a silent secondary raises an alarm, which is acknowledged and silenced", async (t) => {
  const { page, complaints } = await into(t);
  await page.goto(at("raised"));
  const raised = page.getByRole("list", { name: "Raised alarms" }).getByRole("listitem").filter({ hasText: "ns-secondary-1" }).first();
  await raised.waitFor({ timeout: 60_000 });
  await clean(page, "alarms");
  await raised.getByRole("button", { name: /^Acknowledge/ }).click();
  await raised.getByText(/acknowledged by/).waitFor();
  await raised.getByRole("button", { name: /^Silence for a day/ }).click();
  await raised.getByText(/silenced until/).waitFor();
  await raised.getByRole("button", { name: /^Tell again/ }).click();
  await raised.getByText(/silenced until/).waitFor({ state: "detached" });
  assert.deepEqual(complaints, []);
});

test("rules are switched, edited and taken back to their defaults", async (t) => {
  const { page } = await into(t, { viewport: { width: 390, height: 844 }, colorScheme: "dark" });
  const rule = async (name) => (await server.api("GET", `/headwater/v1/accounts/${server.account}/alarm_rules`)).rules.find((r) => r.rule === name);
  await page.goto(at("rules"));
  const toggle = page.getByRole("switch", { name: "A secondary is ahead" });
  await toggle.click();
  await until("the rule to be off", async () => !(await rule("secondary_ahead")).enabled);
  await page.getByRole("button", { name: "Undo" }).first().click();
  await until("the rule to be on", async () => (await rule("secondary_ahead")).enabled);
  await clean(page, "rules, 390 px, dark");
  const edit = page.getByRole("button", { name: "Edit: A secondary is ahead" });
  await edit.click();
  await submit(page, { "Told after (seconds)": "120" }, "Save");
  assert.equal((await rule("secondary_ahead")).after, 120);
  await until("the focus back", () => edit.evaluate((e) => e === document.activeElement));
  await edit.click();
  await formDialog(page).getByRole("button", { name: "Back to the default" }).click();
  await until("the default", async () => (await rule("secondary_ahead")).default);
});

test("a receiver is added, tested, and its deliveries are read", async (t) => {
  const { page } = await into(t);
  await page.goto(at("receivers"));
  await page.getByRole("button", { name: "Add a receiver" }).click();
  await submit(page, { Name: "ops", Address: "https://127.0.0.1:9/hook" }, "Add");
  const secret = page.getByRole("dialog", { name: "The webhook's secret" });
  await secret.getByRole("button", { name: "Close" }).click();
  await secret.waitFor({ state: "detached" });
  await clean(page, "receivers");
  await page.getByRole("button", { name: "Test ops" }).click();
  const log = page.getByRole("dialog", { name: "Deliveries to ops" });
  await log.getByText("test", { exact: true }).first().waitFor();
  await log.getByText(/Waiting|Failed/).first().waitFor({ timeout: 60_000 });
  await clean(page, "the log");
  await log.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "Delete ops" }).click();
  await submit(page, {}, "Delete");
  await page.getByText("Nobody is told yet").waitFor();
});

test("raised alarms are counted beside the page's name, by what is told of them", async (t) => {
  const { page } = await into(t);
  const rules = `/headwater/v1/accounts/${server.account}/alarm_rules`;
  await page.goto(`${server.url}/${server.account}/get-started`);
  await page.getByRole("link", { name: /^Alarms\s*[1-9]\d* raised$/ }).waitFor({ timeout: 60_000 });
  await clean(page, "a count in the sidebar");
  await page.goto(`${server.url}/${server.account}/home`);
  await page.getByRole("link", { name: /^[1-9]\d* alarms? raised$/ }).waitFor();
  await page.getByRole("link", { name: /^[a-z0-9-]+\.[a-z]+$/ }).first().click();
  await page.getByRole("heading", { name: "Records", level: 1 }).waitFor();
  await page.getByRole("link", { name: /^Alarms\s*[1-9]\d* raised$/ }).waitFor();
  await page.goto(`${server.url}/${server.account}/get-started`);
  // What they are about does not matter any more: they clear, and the count goes without a look of anybody.
  await server.api("PATCH", rules, { rules: (await server.api("GET", rules)).rules.map(({ rule }) => ({ rule, enabled: false })) });
  await page.getByRole("link", { name: "Alarms", exact: true }).waitFor({ timeout: 60_000 });
});
