// A whole life of a zone through the npm package `cloudflare`. Input: JSON on standard input with account, zone, samples and
// secondary {ip, port, key, secret}. It prints a line before what the test has to see, and waits for a line back.
import assert from 'node:assert/strict';
import readline from 'node:readline';
import Cloudflare from 'cloudflare';

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const read = async () => (await lines.next()).value;
const tell = async (word) => {
  console.log(word);
  assert.equal(await read(), 'ok');
};

const job = JSON.parse(await read());
const client = new Cloudflare(); // base URL and credentials come from the environment
const { account } = job;

const zone = await client.zones.create({ account: { id: account }, name: job.zone, type: 'full' });
assert.equal(zone.name, job.zone);
const zone_id = zone.id;

for (const { want, ...record } of job.samples) {
  const made = await client.dns.records.create({ zone_id, ...record });
  assert.equal(made.content, want, record.type);
  assert.deepEqual(await client.dns.records.get(made.id, { zone_id }), made);
  const edited = await client.dns.records.edit(made.id, { zone_id, comment: 'edited', tags: ['team:dns'] });
  assert.deepEqual([edited.content, edited.comment, edited.tags], [want, 'edited', ['team:dns']]);
  const put = await client.dns.records.update(made.id, { zone_id, ...record, ttl: 600 });
  assert.deepEqual([put.content, put.ttl, put.comment, put.tags], [want, 600, null, []]);
}
await assert.rejects(client.dns.records.create({ zone_id, ...job.samples[0] }), (err) => {
  assert.ok(err instanceof Cloudflare.BadRequestError);
  assert.equal(err.errors[0].code, 81058);
  return true;
});

let count = 0;
for await (const record of client.dns.records.list({ zone_id, per_page: 4 })) {
  assert.ok(record.id);
  count++;
}
assert.equal(count, job.samples.length);
const named = await client.dns.records.list({ zone_id, type: 'A', 'name': { startswith: 'www.' }, content: { exact: '192.0.2.1' } });
assert.equal(named.result.length, 1);

const batch = await client.dns.records.batch({
  zone_id,
  deletes: [{ id: named.result[0].id }],
  posts: [{ type: 'A', name: 'www', content: '192.0.2.2', ttl: 60 }, { type: 'A', name: 'b', content: '192.0.2.3', ttl: 1, proxied: false }],
});
assert.deepEqual([batch.deletes.length, batch.posts.map((r) => r.content)], [1, ['192.0.2.2', '192.0.2.3']]);

const settings = await client.dns.settings.zone.edit({ zone_id, ns_ttl: 3600, soa: { refresh: 7200 } });
assert.equal(settings.soa.refresh, 7200);
assert.deepEqual(await client.dns.settings.zone.get({ zone_id }), settings);

assert.match(await client.dns.records.export({ zone_id }), /\tIN\tURI\t/);
const imported = await client.dns.records.import({ zone_id, file: 'imported 300 IN A 192.0.2.99\n', proxied: 'false' });
assert.equal(imported.recs_added, 1);

const { tsigs, peers, acls, outgoing } = client.dns.zoneTransfers;
const s = job.secondary;
const tsig = await tsigs.create({ account_id: account, name: s.key, algo: 'hmac-sha256.', secret: s.secret });
assert.deepEqual(await tsigs.get(tsig.id, { account_id: account }), tsig);
const named_peer = await peers.create({ account_id: account, name: 'secondary' });
const peer = await peers.update(named_peer.id, { account_id: account, name: 'secondary', ip: s.ip, port: s.port, tsig_id: tsig.id });
const acl = await acls.create({ account_id: account, name: 'acl', ip_range: '192.0.2.53/28' });
const ranges = [];
for await (const a of acls.list({ account_id: account })) ranges.push(a.ip_range);
assert.deepEqual(ranges, ['192.0.2.53/28']);
await outgoing.create({ zone_id, name: job.zone, peers: [peer.id] });
assert.equal(await outgoing.enable({ zone_id, body: {} }), 'Enabled');
await tell('enabled');
assert.equal(await outgoing.status.get({ zone_id }), 'Enabled');
assert.equal(await outgoing.forceNotify({ zone_id, body: {} }), 'OK');
await tell('notified');
assert.deepEqual((await outgoing.get({ zone_id })).peers, [peer.id]);
assert.equal(await outgoing.disable({ zone_id, body: {} }), 'Disabled');
assert.equal((await outgoing.delete({ zone_id })).id, zone_id);
await peers.delete(peer.id, { account_id: account });
await tsigs.delete(tsig.id, { account_id: account });
await acls.delete(acl.id, { account_id: account });
assert.equal((await client.zones.delete({ zone_id })).id, zone_id);
await assert.rejects(client.zones.get({ zone_id }), Cloudflare.NotFoundError);
console.log('done');
process.exit(0);
