// Every page and every dialog there is: read by machines, by day and by night, on a phone, and by keyboard alone. What is new is missed here by name.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { fill, pagesOf } from "./fixture.mjs";
import { clean, cutOff, focused, signedInto } from "./hands.mjs";
import { settled, startBrowser, startWithPasskeys, until } from "./server.mjs";

const source = fileURLToPath(new URL("../src", import.meta.url));
const phone = { width: 390, height: 844 };
const desk = { width: 1280, height: 720 };
let browser, server, pages;
before(async () => {
  browser = await startBrowser();
  server = await startWithPasskeys();
  const { zone } = await fill(server);
  const draft = await server.api("POST", `/headwater/v1/zones/${zone.id}/drafts`, { name: "move", note: "" });
  await server.api("POST", `/headwater/v1/accounts/${server.account}/members`, { email: "guest@example.net", role: "read_only", status: "accepted" });
  await server.api("POST", `/headwater/v1/accounts/${server.account}/webhooks`, { kind: "https", name: "hook", url: "https://hooks.example.net/x" });
  pages = { ...pagesOf(server.account), "alarm-receivers": `/${server.account}/alarms?tab=receivers`, "one-draft": `/${server.account}/example.com/drafts/${draft.id}`, "sign-in": "/sign-in", "back from a provider": "/sign-in/callback" };
});
after(async () => {
  await browser.close();
  await server.close();
});

/** Nothing is wider than a phone. */
async function narrow(page, what) {
  await page.setViewportSize(phone);
  await until(`${what}: nothing wider than a phone`, () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await until(`${what}: nothing cut off at a phone's edge`, async () => (await page.evaluate(cutOff)).length === 0);
  await page.setViewportSize(desk);
}

/** What of the frame is no page: it leads on, or is shown where there is none. */
const frame = ["/", "$", "/$account", "$zone"];

test("each route of the program is one of the pages that are looked at", async () => {
  const text = await readFile(join(source, "router.tsx"), "utf8");
  const routes = [...text.matchAll(/path: "([^"]+)"|accountPage\("([^"]+)"/g)].map((m) => m[1] ?? m[2]).filter((r) => !frame.includes(r));
  assert.ok(routes.length >= 20, `${routes}`);
  const missed = routes.filter((r) => {
    const wanted = new RegExp(`/${r.replace(/^\//, "").replaceAll(/\$\w+/g, "[^/]+")}$`);
    return !Object.values(pages).some((p) => wanted.test(p.replace(/\?.*/, "")));
  });
  assert.deepEqual(missed, [], "no test looks at these pages");
});

for (const colorScheme of ["light", "dark"]) {
  test(`every page is clean for machines that read it, and no wider than a phone, ${colorScheme}`, async (t) => {
    const { page, complaints } = await signedInto(browser, t, { server, context: { colorScheme, bypassCSP: true, viewport: desk } });
    for (const [name, path] of Object.entries(pages)) {
      await t.test(name, async () => {
        await page.goto(server.url + path);
        await clean(page, name);
        await narrow(page, name);
      });
    }
    assert.deepEqual(complaints, []);
  });
}

/** Dialogs: in which file of the source they stand, on which page, what opens them, and how they are called. */
const dialogs = [
  ["pages/home-add", "home", "Add a zone", "Add a zone"],
  ["ui/jump", "home", "Jump to", "Jump to"],
  ["records/import", "records", "Import", "Import records"],
  ["records/delete", "records", "Delete A example.com", "Delete record"],
  ["settings/link-peers", "dns-settings", "Manage linked peers", "Manage linked peers"],
  ["settings/transfers", "dns-settings", "Outgoing Zone Transfers", "Switch outgoing transfers off"],
  ["settings/remove-zone", "dns-settings", "Remove zone", "Remove zone"],
  ["zone/access-check", "secondaries", "Would it be allowed?", "Would it be allowed?"],
  ["dnssec/key-files", "dnssec", "Import a key", "Import a key"],
  ["updates/policy-form", "dynamic-updates", "Create update policy", undefined],
  ["transfers/tsigs", "tsig", "Create TSIG", "Create TSIG"],
  ["transfers/tsigs", "tsig", "Edit transfer.example.com.", "Edit TSIG"],
  ["transfers/rotation", "tsig", "Rotate transfer.example.com.", "Rotate transfer.example.com."],
  ["transfers/config-dialog", "tsig", "Configuration with transfer.example.com.", "Configuration for your secondary"],
  ["transfers/peer-form", "peers", "Create peer", "Create peer"],
  ["transfers/peer-form", "peers", "Edit ns-secondary-1", "Edit peer"],
  ["transfers/config-dialog", "peers", "Configuration of ns-secondary-1", "Configuration for your secondary"],
  ["transfers/acls", "acls", "Create ACL", "Create ACL"],
  ["transfers/acls", "acls", "Edit monitoring", "Edit ACL"],
  ["transfers/resource-table", "acls", "Delete monitoring", "Delete ACL"],
  ["pages/members", "members", "Add member", "Add member"],
  ["pages/members", "members", "Remove guest@example.net", "Remove member"],
  ["members/zone-roles", "members", /: roles by zone of guest@example.net$/, "Roles by zone"],
  ["tokens/form", "api-tokens", "Create Token", "Create Token"],
  ["tokens/form", "api-tokens", /^Edit /, "Edit token"],
  ["pages/tokens", "api-tokens", /^Roll /, "Roll token"],
  ["pages/tokens", "api-tokens", /^Delete /, "Delete token"],
  ["pages/audit", "audit-log", /^Show: /, undefined],
  ["alarms/rules", "alarm-rules", /^Edit: /, undefined],
  ["alarms/webhooks", "alarm-receivers", "Add a receiver", "Add a receiver"],
  ["alarms/webhooks", "alarm-receivers", "Log of hook", "Deliveries to hook"],
  ["alarms/webhooks", "alarm-receivers", "Delete hook", "Delete receiver"],
  ["history/revert", "history", /^Undo: /, undefined],
  ["drafts/choose", "drafts", "New draft", "New draft"],
  ["drafts/four-eyes", "drafts", "Changes need approval", "Switch four eyes on"],
  ["pages/draft", "one-draft", "Rename", "Name and note of the draft"],
  ["pages/draft", "one-draft", "Delete draft", "Delete “move”"],
  ["ui/passkeys", "profile", "Add a passkey", "Add a passkey"],
  ["pages/users", "users", "Suspend: guest@example.net", undefined],
];

/** Those that need something to have happened first, with the tests that lead there. */
const elsewhere = {
  "ui/session-over": "trust: a form outlives the session",
  "records/bulk-edit": "tool: many records are changed as one",
  "records/record-form": "tool: what was typed stays when the record goes",
  "zone/strangers": "service: who was refused is seen, asked about, and let in",
  "updates/client-dialog": "updates: a key is let in for certificates",
  "settings/review": "dashboard: a zone goes by hand from nothing to a secondary",
  "drafts/steps": "drafts: adds, edits, deletes, imports and settings are collected",
  "dnssec/reports": "service: what resolvers report",
  "dnssec/roll": "dnssec: each key tells what it has done",
  "dnssec/keys": "dnssec: keys go in and out as BIND's files",
  "dnssec/state": "dnssec: a zone is enabled",
  "pages/history": "history: versions are held against each other",
  "pages/deleted": "history: a deleted zone comes back",
};

test("each dialog of the program is opened here, or by a test that is named", async () => {
  const files = (await readdir(source, { recursive: true })).filter((f) => f.endsWith(".tsx") && f !== "ui/dialogs.tsx");
  const known = new Set([...dialogs.map(([file]) => file), ...Object.keys(elsewhere)]);
  const missed = [];
  for (const f of files) {
    const text = await readFile(join(source, f), "utf8");
    if (/<(Form|Confirm|Info)Dialog|<DialogFrame|<Dialog\.Root/.test(text) && !known.has(f.replace(/\.tsx$/, ""))) missed.push(f);
  }
  assert.deepEqual(missed, [], "no test opens the dialogs of these files");
});

for (const colorScheme of ["light", "dark"]) {
  test(`every dialog is opened by the keyboard, clean, no wider than a phone, and gives the keyboard back, ${colorScheme}`, async (t) => {
    const { page, complaints } = await signedInto(browser, t, { server, context: { colorScheme, bypassCSP: true, viewport: desk } });
    let on = "";
    for (const [, at, opener, name] of dialogs) {
      await t.test(`${at}: ${opener}`, async () => {
        if (on !== at) {
          await page.goto(server.url + pages[at]);
          await settled(page);
          on = at;
        }
        on = ""; // unless it comes to its end
        const from = page.getByRole(/^(Outgoing|Changes)/.test(opener) ? "switch" : "button", { name: opener, exact: true }).first();
        await from.focus();
        const label = await focused(page);
        await page.keyboard.press(/^(Outgoing|Changes)/.test(opener) ? "Space" : "Enter");
        const dialog = page.getByRole("dialog", name === undefined ? {} : { name, exact: true }).filter({ has: page.locator("h2") }).first();
        await dialog.waitFor();
        await until("the focus in the dialog", () => dialog.evaluate((d) => d.contains(document.activeElement)));
        await clean(page, `${at}: ${opener}`);
        await narrow(page, `${at}: ${opener}`);
        await page.keyboard.press("Escape");
        await dialog.waitFor({ state: "detached" });
        await until(`the focus back at ${label}`, () => from.evaluate((e) => e === document.activeElement)).catch(async (e) => {
          throw new Error(`${e.message}: it is on ${await focused(page)}`);
        });
        on = at;
      });
    }
    assert.deepEqual(complaints, []);
  });
}

/**
 * What is done in dialogs, in turn: on which page, what opens it, what is filled in and done before it is sent, by which button, and where the
 * keyboard is then. Where what opened it has gone, that is its like in the next row, or the page's first button.
 */
const done = [
  ["home", "Add a zone", { "Zone name": "focus.example" }, "Add zone", null], // leads on to the zone
  ["tsig", "Create TSIG", { "TSIG name": "aaa.example." }, "Save", "Create TSIG"],
  ["tsig", "Create TSIG", { "TSIG name": "aab.example." }, "Save", "Create TSIG"],
  ["tsig", "Edit aaa.example.", { "TSIG name": "aac.example." }, "Save", "Edit aac.example."],
  ["tsig", "Delete aac.example.", {}, "Delete", /^Delete /],
  ["peers", "Create peer", { "Peer name": "b1", "IP address": "192.0.2.77" }, "Save", "Create peer"],
  ["peers", "Edit b1", { "Peer name": "b2" }, "Save", "Edit b2"],
  ["peers", "Delete b2", {}, "Delete", "Delete ns-secondary-1"],
  ["acls", "Create ACL", { "ACL name": "range", "IP range": "192.0.2.0/28" }, "Save", "Create ACL"],
  ["acls", "Edit range", { "IP range": "192.0.2.0/29" }, "Save", "Edit range"],
  ["acls", "Delete range", {}, "Delete", "Delete monitoring"],
  ["acls", "Delete monitoring", {}, "Delete", /^TSIG$/], // the last one: the page's first button
  ["api-tokens", "Create Token", { "Token name": "one" }, "Create Token", "Create Token", "DNS Read"],
  ["api-tokens", "Edit one", { "Token name": "two" }, "Save", "Edit two"],
  ["api-tokens", "Delete two", {}, "Delete", /^Delete /],
  ["dns-settings", "Manage linked peers", {}, "Save", "Manage linked peers"],
  ["dynamic-updates", "Create update policy", { "Types that may be changed": "TXT", "Name 1": "www.example.com" }, "Save", "Create update policy"],
  ["dynamic-updates", /^Edit /, { "Comment (optional)": "seen" }, "Save", /^Edit /],
  ["dynamic-updates", /^Delete /, {}, "Delete", "Create update policy"],
  ["alarm-receivers", "Add a receiver", { Name: "second", Address: "https://127.0.0.1:9/x" }, "Add", null], // leads on to its secret
  ["alarm-receivers", "Delete second", {}, "Delete", "Delete hook"],
  ["alarm-rules", /^Edit: /, {}, "Save", /^Edit: /],
  ["members", "Remove guest@example.net", {}, "Remove", /./],
  ["history", /^Undo: /, {}, "Bring back", /^(Undo|Show|Hide): /],
  ["one-draft", "Rename", { Name: "moved" }, "Save", "Rename"],
  ["records", "Delete A example.com", {}, "Delete", /^(Edit|Delete) /],
  ["records", "Import", {}, null, "Import"],
];

test("the keyboard is where it belongs after each save and each delete", async (t) => {
  const { page, complaints } = await signedInto(browser, t, { server, context: { viewport: desk } });
  let on = "";
  for (const [at, opener, fields, button, then, box] of done) {
    await t.test(`${at}: ${opener}: ${button}`, async () => {
      if (on !== at) await page.goto(server.url + pages[at]);
      await settled(page);
      on = "";
      const from = page.getByRole("button", { name: opener, exact: true }).first();
      await from.focus();
      await page.keyboard.press("Enter");
      const dialog = page.getByRole("dialog").filter({ has: page.locator("form") });
      await dialog.waitFor();
      for (const [label, value] of Object.entries(fields)) await dialog.getByLabel(new RegExp(`^${label.replaceAll(/[()]/g, "\\$&")}`)).first().fill(value);
      if (box) await dialog.getByRole("checkbox", { name: box, exact: true }).press("Space");
      if (button === null) await page.keyboard.press("Escape");
      else {
        const send = dialog.getByRole("button", { name: button, exact: true });
        await send.focus();
        await page.keyboard.press("Enter");
      }
      await dialog.waitFor({ state: "detached" });
      if (box) {
        await page.getByRole("dialog", { name: "Your API token" }).waitFor();
        await page.keyboard.press("Escape");
        await page.getByRole("dialog", { name: "Your API token" }).waitFor({ state: "detached" });
      }
      if (then !== null) {
        const here = async () => {
          const name = await page.evaluate(() => (document.activeElement?.closest("main") ? (document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent) : ""));
          return typeof then === "string" ? name === then : name !== "" && then.test(name);
        };
        await until(`the keyboard at ${then}`, here, 5_000).catch(async (e) => {
          throw new Error(`${e.message}: it is at ${(await focused(page))?.slice(0, 60)}`);
        });
        on = at;
      }
    });
  }
  assert.deepEqual(complaints, []);
});

test("the keyboard goes to the next row, too, when the row goes ahead of the dialog that deleted it", async (t) => {
  const { page, complaints } = await signedInto(browser, t, { server, context: { viewport: desk } });
  for (const name of ["ahead1.example.", "ahead2.example."]) await server.api("POST", `/client/v4/accounts/${server.account}/secondary_dns/tsigs`, { name, algo: "hmac-sha256.", secret: "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0" });
  // A machine that is slow to draw: the dialog has gone, and the library has chosen, before the page looks for its keyboard.
  await page.addInitScript(() => {
    const draw = window.requestAnimationFrame.bind(window);
    window.requestAnimationFrame = (f) => setTimeout(() => draw(f), 400);
  });
  await page.goto(server.url + pages.tsig);
  await settled(page);
  // Another dialog first: to what opened that one the library would give the keyboard.
  await page.getByRole("button", { name: "Create TSIG", exact: true }).press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  const from = page.getByRole("button", { name: "Delete ahead1.example.", exact: true });
  await page.route("**/tsigs/*", async (route) => {
    const response = await route.fetch();
    await from.waitFor({ state: "detached" }); // the stream of events has told of it
    await route.fulfill({ response });
  });
  await from.press("Enter");
  const dialog = page.getByRole("dialog").filter({ has: page.locator("form") });
  await dialog.getByRole("button", { name: "Delete", exact: true }).press("Enter");
  await dialog.waitFor({ state: "detached" });
  await until("the keyboard in the next row", async () => (await focused(page)) === "Delete ahead2.example.", 5_000).catch(async (e) => {
    throw new Error(`${e.message}: it is at ${await focused(page)}`);
  });
  assert.deepEqual(complaints, []);
});
