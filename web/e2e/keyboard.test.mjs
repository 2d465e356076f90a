// Every action of every page by keyboard alone, in a real browser against a real Headwater.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { formDialog } from "./hands.mjs";
import { fillIn, pick, press, reachTo, send, take } from "./keys.mjs";
import { email, password, startBrowser, startHeadwater, until } from "./server.mjs";

let browser, server, page;

before(async () => {
  browser = await startBrowser();
  server = await startHeadwater();
  page = await (await browser.newContext({ reducedMotion: "reduce", acceptDownloads: true })).newPage();
  page.setDefaultTimeout(15_000);
  // A mouse that moves or presses anything is a fault of the test.
  await page.addInitScript(() => addEventListener("mousedown", (e) => e.isTrusted && document.body.setAttribute("data-moused", "")));
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const button = (name, scope = page) => scope.getByRole("button", { name, exact: true });
const cell = (name) => page.getByRole("cell", { name, exact: true });
const visit = (path) => page.goto(`${server.url}/${server.account}/${path}`);
const records = async () => {
  const [zone] = await server.api("GET", "/client/v4/zones?name=example.com");
  return server.api("GET", `/client/v4/zones/${zone.id}/dns_records?per_page=100`);
};
const untouched = async () => assert.equal(await page.locator("[data-moused]").count(), 0);

test("sign in, add a zone, search for it, and open it", async () => {
  await page.goto(`${server.url}/`);
  await fillIn(page, page, { "E-mail": email, Password: password });
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Account home" }).waitFor();
  await press(page, button("Add a zone"));
  await fillIn(page, formDialog(page), { "Zone name": "example.com" });
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Records", exact: true }).waitFor();
  await press(page, page.getByRole("link", { name: "Account home" }));
  await page.getByRole("heading", { name: "Account home" }).waitFor();
  await fillIn(page, page, { "Search zones": "exam" });
  await press(page, page.getByRole("link", { name: "example.com", exact: true }));
  await page.getByRole("heading", { name: "Records", exact: true }).waitFor();
  await untouched();
});

test("records: add, edit, proxy, sort, filter, delete, batch, import and export", async () => {
  await visit("example.com/dns/records");
  for (const [type, fields] of [
    ["A", { "Name (required)": "www", "IPv4 address (required)": "192.0.2.1", Comment: "by hand", Tags: "team:web" }],
    ["MX", { "Name (required)": "@", Priority: "10", "Mail server (required)": "mx.example.net" }],
    ["TXT", { "Name (required)": "note", "Content (required)": "some words" }],
  ]) {
    await press(page, button("Add record"));
    const form = page.getByRole("form", { name: "Add record" });
    if (type !== "A") await pick(page, form, "Type", type);
    await fillIn(page, form, fields);
    await press(page, button("Save", form));
    await form.waitFor({ state: "detached" });
  }
  await page.getByText("3 records", { exact: true }).waitFor();
  await press(page, button("Edit A www.example.com"));
  const edit = page.getByRole("form", { name: "Edit A www.example.com" });
  await fillIn(page, edit, { "IPv4 address (required)": "192.0.2.2" });
  await pick(page, edit, "TTL", "5 min");
  await press(page, button("Save", edit));
  await cell("192.0.2.2").waitFor();
  await press(page, page.getByRole("switch", { name: "Proxy A www.example.com" }), "Space");
  await until("the record to be proxied", async () => (await records()).some((r) => r.name === "www.example.com" && r.proxied));
  await press(page, button("Content"));
  await page.waitForURL(/order=content/);
  await pick(page, page, "Type", "MX");
  await page.getByText("1 record", { exact: true }).waitFor();
  await pick(page, page, "Type", "All types");
  await page.getByText("3 records", { exact: true }).waitFor();
  await press(page, button("Delete TXT note.example.com"));
  await send(page, formDialog(page), {}, "Delete");
  await page.getByText("2 records", { exact: true }).waitFor();

  const file = join(server.folder, "more.zone");
  await writeFile(file, "one 300 IN A 192.0.2.11\ntwo 300 IN A 192.0.2.12\n");
  page.on("filechooser", () => undefined); // has the browser ask us from now on
  await press(page, button("Import"));
  await reachTo(page, formDialog(page).locator("input[type=file]"));
  const chosen = new Promise((resolve) => page.once("filechooser", (c) => resolve(c.setFiles(file))));
  await page.keyboard.press("Space");
  await chosen;
  await press(page, button("Show what it does", formDialog(page)));
  await page.getByRole("dialog", { name: "What the import does" }).getByText("Added: 2 lines").waitFor();
  await press(page, button("Import", formDialog(page)));
  await page.getByText("Imported: 2 added").waitFor();
  await page.getByText("4 records", { exact: true }).waitFor();

  const [download] = await Promise.all([page.waitForEvent("download"), press(page, page.getByRole("link", { name: "Export" }))]);
  assert.match(await readFile(await download.path(), "utf8"), /two\.example\.com\.\s+300\s+IN\s+A\s+192\.0\.2\.12/);

  await press(page, page.getByRole("checkbox", { name: "Select A one.example.com" }), "Space");
  await press(page, page.getByRole("checkbox", { name: "Select A two.example.com" }), "Space");
  await page.getByText("2 records selected").waitFor();
  await press(page, button("Delete selected"));
  await send(page, formDialog(page), {}, "Delete");
  await page.getByText("2 records", { exact: true }).waitFor();
  assert.deepEqual((await records()).map((r) => r.type).sort(), ["A", "MX"]);
  await untouched();
});

test("TSIGs, peers and ACLs: create, edit, look at the configuration", async () => {
  await visit("configurations/dns-zone-transfers");
  await press(page, button("Create TSIG"));
  await pick(page, formDialog(page), "Algorithm", "hmac-sha512");
  await send(page, formDialog(page), { "TSIG name": "key.example.com." }, "Save");
  await press(page, button("Edit key.example.com."));
  await send(page, formDialog(page), { "TSIG name": "other.example.com." }, "Save");
  await press(page, button("Configuration with other.example.com."));
  const config = page.getByRole("dialog", { name: "Configuration for your secondary" });
  await reachTo(page, config.getByRole("tab", { name: "BIND" }));
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await config.getByText(/request-xfr:/).waitFor();
  await press(page, button("Close", config));
  await config.waitFor({ state: "detached" });

  await reachTo(page, page.getByRole("tab", { name: "TSIG" }));
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await press(page, button("Create peer"));
  await fillIn(page, formDialog(page), { "Peer name": "one", "IP address": "127.0.0.1", Port: "5399" });
  await pick(page, formDialog(page), "TSIG", "other.example.com.");
  await press(page, button("Save", formDialog(page)));
  await cell("one").waitFor();
  await press(page, button("Edit one"));
  await send(page, formDialog(page), { "Peer name": "two" }, "Save");
  await cell("two").waitFor();

  await reachTo(page, page.getByRole("tab", { name: "Peer DNS servers" }));
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await press(page, button("Create ACL"));
  await send(page, formDialog(page), { "ACL name": "range", "IP range": "198.51.100.0/28" }, "Save");
  await press(page, button("Edit range"));
  await send(page, formDialog(page), { "IP range": "198.51.100.0/29" }, "Save");
  await cell("198.51.100.0/29").waitFor();
  await untouched();
});

test("settings: link peers, switch transfers on and off, NOTIFY, mode, SOA", async () => {
  await visit("example.com/dns/settings");
  await press(page, button("Manage linked peers"));
  await press(page, formDialog(page).getByRole("checkbox", { name: /^two/ }), "Space");
  await send(page, formDialog(page), {}, "Save");
  const transfers = page.getByRole("switch", { name: "Outgoing Zone Transfers" });
  await page.getByText("Linked peers: two").waitFor();
  await press(page, transfers, "Space");
  await send(page, formDialog(page), {}, "Enable outgoing zone transfers");
  await page.locator('[role="switch"][aria-checked="true"]').first().waitFor();
  await press(page, button("Force DNS NOTIFY"));
  await page.getByText("NOTIFY sent").first().waitFor();
  await pick(page, page, "Transfer mode", "Edge: proxied records as their edge addresses");
  await page.getByText("Transfer mode saved").first().waitFor();
  await fillIn(page, page, { Refresh: "7200" });
  await press(page, button("Save SOA"));
  const [zone] = await server.api("GET", "/client/v4/zones?name=example.com");
  const setting = async () => (await server.api("GET", `/client/v4/zones/${zone.id}/dns_settings`)).soa.refresh;
  await until("the SOA to be saved", async () => (await setting()) === 7200);
  await press(page, page.getByRole("switch", { name: "Multi-provider DNS" }), "Space");
  await until("multi-provider", async () => (await server.api("GET", `/client/v4/zones/${zone.id}/dns_settings`)).multi_provider);
  await press(page, transfers, "Space");
  await send(page, formDialog(page), {}, "Switch off");
  const status = () => server.api("GET", `/client/v4/zones/${zone.id}/secondary_dns/outgoing/status`);
  await until("transfers to be off", async () => (await status()) === "Disabled");
  await untouched();
});

test("what is used says where, and what is used no more can be deleted", async () => {
  await visit("configurations/dns-zone-transfers?tab=peers");
  await press(page, page.getByRole("link", { name: "example.com", exact: true }));
  await page.getByRole("heading", { name: "DNS Settings" }).waitFor();
  await press(page, button("Manage linked peers"));
  await press(page, formDialog(page).getByRole("checkbox", { name: /^two/ }), "Space");
  await send(page, formDialog(page), {}, "Save");
  for (const [tab, name] of [
    ["peers", "two"],
    ["tsig", "other.example.com."],
    ["acls", "range"],
  ]) {
    await visit(`configurations/dns-zone-transfers?tab=${tab}`);
    await press(page, button(`Delete ${name}`));
    await send(page, formDialog(page), {}, "Delete");
    await button(`Delete ${name}`).waitFor({ state: "detached" });
  }
  await untouched();
});

test("API tokens: create, roll, delete", async () => {
  await visit("api-tokens");
  await press(page, button("Create Token"));
  await fillIn(page, formDialog(page), { "Token name": "robot" });
  await press(page, formDialog(page).getByRole("checkbox", { name: "DNS Read", exact: true }), "Space");
  await press(page, button("Create Token", formDialog(page)));
  const shown = page.getByRole("dialog", { name: "Your API token" });
  await press(page, button("Close", shown));
  await press(page, button("Roll robot"));
  await press(page, button("Roll", formDialog(page)));
  await press(page, button("Close", shown));
  await press(page, button("Delete robot"));
  await send(page, formDialog(page), {}, "Delete");
  await cell("robot").waitFor({ state: "detached" });
  await untouched();
});

test("members: add, change the role, remove; the audit log has it all", async () => {
  await visit("members");
  await press(page, button("Add member"));
  await fillIn(page, formDialog(page), { "E-mail": "guest@example.net" });
  await press(page, button("Add member", formDialog(page)));
  await press(page, button("Close", page.getByRole("dialog", { name: "Member invited" })));
  await pick(page, page, "Role of guest@example.net", "Administrator Read Only");
  await page.getByText("Role changed").first().waitFor();
  await press(page, button("Remove guest@example.net"));
  await send(page, formDialog(page), {}, "Remove");
  await cell("guest@example.net").waitFor({ state: "detached" });
  await visit("audit-log");
  await press(page, page.getByRole("button", { name: /^Show: / }).first());
  await press(page, button("Close", page.getByRole("dialog").filter({ hasText: "Before" })));
  await untouched();
});

test("remove the zone; profile: name, password and key; theme; log out", async () => {
  await visit("example.com/dns/settings");
  await press(page, button("Remove zone"));
  await fillIn(page, formDialog(page), { "Type example.com to remove it": "example.com" });
  await press(page, button("Remove zone", formDialog(page)));
  await page.getByRole("heading", { name: "Account home" }).waitFor();
  await page.getByText("No zones yet").waitFor();

  await press(page, button("User menu"));
  await take(page, page.getByRole("menuitem", { name: "My Profile" }));
  await fillIn(page, page, { "First name": "Ada", "Last name": "Byron" });
  await press(page, button("Save name"));
  await until("the name", async () => (await server.api("GET", "/client/v4/user")).first_name === "Ada");
  await fillIn(page, page, { "Current password": password, "New password": "another-long-password" });
  await press(page, button("Change password"));
  await page.getByText("Password changed").first().waitFor();
  await fillIn(page, page.getByRole("region", { name: "Global API Key" }), { "Your password for the key": "another-long-password" });
  await press(page, button("Make a new key"));
  await page.getByText("Your key. It is shown once.").waitFor();

  await press(page, button("User menu"));
  await take(page, page.getByRole("menuitem", { name: "Dark theme" }));
  await until("the attribute to be as it should", async () => (await page.locator("html").getAttribute("data-mode")) === "dark");
  await press(page, button("User menu"));
  await take(page, page.getByRole("menuitem", { name: "Log out" }));
  await page.getByRole("heading", { name: "Log in to Headwater" }).waitFor();
  await untouched();
});
