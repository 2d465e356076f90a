// Questions and answers of the DNS, as octets: a client that asks, and servers that answer what a test tells them.
import { createSocket } from "node:dgram";
import { once } from "node:events";

const types = { A: 1, NS: 2, SOA: 6, TXT: 16, AAAA: 28, DS: 43 };

const wire = (name) => Buffer.concat([...name.replace(/\.$/, "").split(".").filter((l) => l !== "").map((l) => Buffer.concat([Buffer.from([l.length]), Buffer.from(l)])), Buffer.from([0])]);

function read(query) {
  const labels = [];
  let at = 12;
  while (query[at] !== 0) {
    labels.push(query.subarray(at + 1, at + 1 + query[at]).toString().toLowerCase());
    at += 1 + query[at];
  }
  return { name: labels.join("."), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function record(name, type, data) {
  const rest = Buffer.alloc(10);
  rest.writeUInt16BE(type, 0);
  rest.writeUInt16BE(1, 2);
  rest.writeUInt32BE(60, 4);
  rest.writeUInt16BE(data.length, 8);
  return Buffer.concat([wire(name), rest, data]);
}

const dataOf = { A: (t) => Buffer.from(t.split(".").map(Number)), NS: wire, SOA: (t) => Buffer.concat([wire(t), wire(t), Buffer.alloc(20)]) };

/** A server over UDP. says gives, for a name and a type, records [section, name, type, text]; null is silence. */
export async function serve(says, port = 0) {
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const q = read(query);
    const type = Object.keys(types).find((k) => types[k] === q.type) ?? String(q.type);
    const told = says(q.name, type);
    if (told === null) return;
    const { records = [], rcode = 0, aa = true } = told;
    const sections = ["answer", "authority"].map((s) => records.filter((r) => r[0] === s));
    const head = Buffer.from(query.subarray(0, q.end));
    head.writeUInt16BE(0x8000 | (query.readUInt16BE(2) & 0x0100) | (aa ? 0x0400 : 0) | 0x80 | rcode, 2);
    head.writeUInt16BE(sections[0].length, 6);
    head.writeUInt16BE(sections[1].length, 8);
    head.writeUInt16BE(0, 10);
    socket.send(Buffer.concat([head, ...sections.flat().map(([, name, t, text]) => record(name, types[t], dataOf[t](text)))]), from.port, from.address);
  });
  socket.bind(port, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}

/** Asks a server that many times, and waits for the answers. */
export async function ask(port, name, type = "A", times = 1) {
  const socket = createSocket("udp4");
  const tail = Buffer.alloc(4);
  tail.writeUInt16BE(types[type], 0);
  tail.writeUInt16BE(1, 2);
  const message = (id) => Buffer.concat([Buffer.from([id >> 8, id & 255, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]), wire(name), tail]);
  let got = 0;
  socket.on("message", () => got++);
  for (let id = 1; id <= times; id++) {
    socket.send(message(id), Number(port), "127.0.0.1");
    while (got < id) await once(socket, "message", { signal: AbortSignal.timeout(10_000) });
  }
  socket.close();
}
