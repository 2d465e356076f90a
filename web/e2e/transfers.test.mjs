// Configurations > DNS Zone Transfers: what a peer may come by and gets, and keys under rotation; and the account's rule about keys.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fill } from "./fixture.mjs";
import { choose, clean, escape, formDialog, signedInto, submit } from "./hands.mjs";
import { settled, startBrowser } from "./server.mjs";

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

const phone = { width: 390, height: 844 };

/** A page of the account's, with an account to look at; made has what was filled in. */
async function at(t, path, context = {}) {
  const { server, page, complaints } = await signedInto(browser, t, { context: { bypassCSP: true, ...context } });
  const made = await fill(server);
  const go = async (to) => {
    await page.goto(`${server.url}/${server.account}/${to}`);
    await settled(page);
  };
  await go(path);
  return { server, page, complaints, made, go };
}

test("a peer is held to TLS and a client key, and gets zones stripped", async (t) => {
  const { server, page, complaints, made } = await at(t, "configurations/dns-zone-transfers?tab=peers");
  const row = page.getByRole("row", { name: /ns-secondary-1/ });
  const acts = await Promise.all((await row.getByRole("button").all()).map((b) => b.boundingBox()));
  assert.ok(Math.max(...acts.map((b) => b.y)) < Math.min(...acts.map((b) => b.y + b.height)), "the buttons of a row stand beside each other");
  await row.getByRole("cell", { name: "Any", exact: true }).waitFor();
  await row.getByRole("cell", { name: "Signed", exact: true }).waitFor();
  await row.getByRole("button", { name: "Edit ns-secondary-1" }).click();
  const dialog = formDialog(page);
  await dialog.getByText(/may be transferred to it in clear/).waitFor();
  await choose(dialog, page, "Transport", "TLS alone");
  await dialog.getByText(/by TLS alone: what comes in clear is refused/).waitFor();
  await dialog.getByLabel("Client keys, one a line (optional)").fill("no digest");
  await choose(dialog, page, "DNSSEC", "Stripped");
  await dialog.getByText(/For one that signs by itself/).waitFor();
  await dialog.getByRole("button", { name: "Save", exact: true }).click();
  await dialog.getByText("It must be the SHA-256 digest of a public key, in base64.").first().waitFor();
  const transport = `/headwater/v1/accounts/${server.account}/peers/${made.peer.id}/transport`;
  const held = async () => {
    const { transport: by, client_keys, dnssec } = await server.api("GET", transport); // of which there is more than the form has
    return { transport: by, client_keys, dnssec };
  };
  assert.deepEqual(await held(), { transport: "any", client_keys: [], dnssec: "signed" });

  const key = Buffer.alloc(32, 7).toString("base64");
  await submit(page, { "Client keys, one a line (optional)": key }, "Save");
  await row.getByText("TLS, 1 client key").waitFor();
  await row.getByText("Stripped").waitFor();
  assert.deepEqual(await held(), { transport: "tls", client_keys: [key], dnssec: "stripped" });

  // An edit of something else leaves it, though somebody has changed it since the form was opened.
  await row.getByRole("button", { name: "Edit ns-secondary-1" }).click();
  await formDialog(page).getByLabel("Peer name").waitFor();
  await server.api("PUT", transport, { transport: "tls", client_keys: [] });
  await submit(page, { "Peer name": "nsd-berlin" }, "Save");
  await page.getByRole("row", { name: /nsd-berlin/ }).getByText("TLS", { exact: true }).waitFor();
  assert.deepEqual(await held(), { transport: "tls", client_keys: [], dnssec: "stripped" });

  // A new peer whose keys are refused is made once.
  await page.getByRole("button", { name: "Create peer" }).click();
  await choose(dialog, page, "Transport", "TLS alone");
  await dialog.getByLabel("Peer name").fill("ns-secondary-2");
  await dialog.getByLabel("Client keys, one a line (optional)").fill("no digest");
  await dialog.getByRole("button", { name: "Save", exact: true }).click();
  await dialog.getByText("It must be the SHA-256 digest of a public key, in base64.").first().waitFor();
  await submit(page, { "Client keys, one a line (optional)": key }, "Save");
  await page.getByRole("row", { name: /ns-secondary-2/ }).getByText("TLS, 1 client key").waitFor();
  assert.equal((await server.api("GET", `/client/v4/accounts/${server.account}/secondary_dns/peers`)).length, 2);
  assert.deepEqual(complaints, []);
});

test("an edit of a TSIG keeps the secret unless there is another one, which the form makes on demand", async (t) => {
  const { server, page, complaints, made } = await at(t, "configurations/dns-zone-transfers?tab=tsig");
  const path = `/client/v4/accounts/${server.account}/secondary_dns/tsigs/${made.tsig.id}`;
  const kept = () => server.api("GET", path);
  const dialog = formDialog(page);
  const secret = dialog.locator("input").last(); // its text is hidden, and so it has no role of a field
  const generate = dialog.getByRole("button", { name: "Generate a new secret" });
  const edit = async (name) => {
    await page.getByRole("button", { name: `Edit ${name}` }).click();
    await generate.waitFor();
  };

  // The form starts without a secret, says what that means, and does it: also when somebody has set another one since.
  await edit("transfer.example.com.");
  assert.equal(await secret.inputValue(), "");
  await dialog.getByText(/Left empty, the secret stays\./).waitFor();
  await clean(page, "edit of a TSIG");
  const meanwhile = Buffer.alloc(32, 7).toString("base64");
  await server.api("PUT", path, { name: made.tsig.name, algo: made.tsig.algo, secret: meanwhile });
  await submit(page, { "TSIG name": "renamed.example.com." }, "Save");
  await page.getByRole("cell", { name: "renamed.example.com.", exact: true }).waitFor();
  assert.equal((await kept()).secret, meanwhile);

  // One that was made and taken out again is as if it had not been made.
  await edit("renamed.example.com.");
  await generate.click();
  const first = await secret.inputValue();
  await secret.fill("");
  await submit(page, { "TSIG name": "again.example.com." }, "Save");
  await page.getByRole("cell", { name: "again.example.com.", exact: true }).waitFor();
  assert.equal((await kept()).secret, meanwhile);

  // What is made is 32 octets, another one each time, and what the field has is what is kept.
  await edit("again.example.com.");
  await generate.click();
  const second = await secret.inputValue();
  await generate.click();
  const third = await secret.inputValue();
  for (const s of [first, second, third]) assert.equal(Buffer.from(s, "base64").length, 32, s);
  assert.equal(new Set([first, second, third, meanwhile]).size, 4);
  assert.equal((await kept()).secret, meanwhile, "nothing is changed before it is saved");
  await dialog.getByText(/every secondary is refused until it has it/).waitFor();
  await submit(page, {}, "Save");
  await dialog.waitFor({ state: "detached" });
  assert.equal((await kept()).secret, third);
  assert.deepEqual(complaints, []);
});

test("each peer may have its own TSIG, and not be without it while peers of a zone differ", async (t) => {
  const { server, page, made } = await at(t, "settings", { viewport: phone });
  const card = page.getByRole("region", { name: "TSIGs of secondaries" });
  await card.getByText(/All peers that are linked to one zone have the same TSIG/).waitFor();
  await card.getByRole("switch", { name: "A TSIG for each peer" }).click();
  await card.getByText(/may have different TSIGs/).waitFor();
  const settings = `/headwater/v1/accounts/${server.account}/transfer_settings`;
  assert.equal((await server.api("GET", settings)).tsig_per_peer, true);

  const account = `/client/v4/accounts/${server.account}/secondary_dns`;
  const other = await server.api("POST", `${account}/tsigs`, { name: "other.example.com.", algo: "hmac-sha256" });
  const second = await server.api("POST", `${account}/peers`, { name: "ns-secondary-2", ip: "192.0.2.54", port: 53, tsig_id: other.id });
  await server.api("PUT", `/client/v4/zones/${made.zone.id}/secondary_dns/outgoing`, { name: "example.com", peers: [made.peer.id, second.id] });
  await card.getByRole("switch", { name: "A TSIG for each peer" }).click();
  await card.getByRole("alert").waitFor();
  assert.equal((await server.api("GET", settings)).tsig_per_peer, true);
  await clean(page, "account settings");
});

for (const colorScheme of ["light", "dark"]) {
  test(`rotation and peers on a phone, read by machines and left by Escape, ${colorScheme}`, async (t) => {
    const { page, go } = await at(t, "configurations/dns-zone-transfers?tab=tsig", { colorScheme, viewport: phone });
    const rotate = "Rotate transfer.example.com.";
    const open = () => page.getByRole("button", { name: rotate, exact: true }).click();
    await open();
    await formDialog(page).getByRole("button", { name: "Begin" }).waitFor();
    await clean(page, "before it begins");
    await escape(page, rotate);

    await open();
    await formDialog(page).getByRole("button", { name: "Begin" }).click();
    await formDialog(page).getByRole("button", { name: "Retire transfer.example.com." }).waitFor();
    await clean(page, "under rotation");
    await escape(page, rotate);

    await open();
    await formDialog(page).getByRole("button", { name: "Configuration with the new key" }).click();
    await page.getByRole("dialog", { name: "Configuration for your secondary" }).waitFor();
    await clean(page, "configuration");
    await page.keyboard.press("Escape");
    await formDialog(page).getByRole("button", { name: "Retire transfer.example.com." }).waitFor();
    await escape(page, rotate);

    // Which keys are under rotation is seen without opening anything.
    const table = page.getByRole("region", { name: "TSIG" });
    await table.getByText("Followed by transfer-2.example.com.").waitFor();
    await table.getByText("Follows transfer.example.com.").waitFor();
    await clean(page, "TSIGs");
    await roomy(page, table);
    await go("configurations/dns-zone-transfers?tab=peers");
    await clean(page, "peers");
    await roomy(page, page.getByRole("region", { name: "peer" }));
    const edit = "Edit ns-secondary-1";
    await page.getByRole("button", { name: edit }).click();
    await choose(formDialog(page), page, "Transport", "TLS alone");
    await clean(page, "form of a peer");
    await escape(page, edit);
  });
}

/** Buttons of a row are wide enough for a thumb, in the window, and have 8 px between them. */
async function roomy(page, table) {
  const rows = await table.getByRole("row").all();
  for (const row of rows) {
    const boxes = await Promise.all((await row.getByRole("button").all()).map((b) => b.boundingBox()));
    boxes.forEach((a, i) => {
      assert.ok(a.width >= 24 && a.height >= 24 && a.x >= 0 && a.x + a.width <= phone.width, `a button of ${JSON.stringify(a)}`);
      for (const b of boxes.slice(i + 1)) {
        const [x, y] = [Math.max(a.x, b.x) - Math.min(a.x + a.width, b.x + b.width), Math.max(a.y, b.y) - Math.min(a.y + a.height, b.y + b.height)];
        assert.ok(x >= 7.5 || y >= 4, `${x} px beside and ${y} px below each other: ${JSON.stringify([a, b])}`);
      }
    });
  }
}
