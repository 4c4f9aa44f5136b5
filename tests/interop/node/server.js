"use strict";
// A real gRPC server on Node.js's own HTTP/2 (nghttp2), in a process of its own.
//
// Reads one line of JSON from standard input, {"facts": ..., "tls": ...}; prints "port N" once it listens; ends when
// its standard input ends, so that it cannot outlive whoever started it.

const fs = require("node:fs");
const net = require("node:net");
const readline = require("node:readline");
const grpc = require("@grpc/grpc-js");

function varint(message, at) {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = message[at++];
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return [value, at];
  }
}

function lastField1(message) {
  let content = Buffer.alloc(0);
  for (let at = 0; at < message.length; ) {
    let key, length;
    [key, at] = varint(message, at);
    [length, at] = varint(message, at);
    if ((key & 7) !== 2) continue; // a varint has been read whole; requests hold nothing but these two kinds
    if (key >> 3 === 1) content = message.subarray(at, at + length);
    at += length;
  }
  return content;
}

// model_spec.name of a GetModelStatusRequest; empty when there is none.
function modelName(request) {
  return lastField1(lastField1(request)).toString("utf8");
}

function credentials(tls) {
  if (tls === null) return grpc.ServerCredentials.createInsecure();
  const pair = { private_key: fs.readFileSync(tls.key), cert_chain: fs.readFileSync(tls.certificate) };
  const clientCa = tls.client_ca === null ? null : fs.readFileSync(tls.client_ca);
  return grpc.ServerCredentials.createSsl(clientCa, [pair], clientCa !== null);
}

function serve(facts, tls) {
  const connections = new Map();
  const same = (bytes) => bytes;

  function answer(call, callback) {
    const model = modelName(call.request);
    if (Object.hasOwn(facts.answers, model)) {
      callback(null, Buffer.from(facts.answers[model], "hex"));
    } else if (model === facts.cut) {
      connections.get(call.getPeer()).destroy();
    } else if (model !== facts.silent) {
      const [unknown, prefix] = facts.unknown;
      const [code, details] = Object.hasOwn(facts.errors, model) ? facts.errors[model] : [unknown, prefix + model];
      callback({ code, details });
    }
  }

  const server = new grpc.Server();
  const getModelStatus = {
    path: facts.method,
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  server.addService({ getModelStatus }, { getModelStatus: answer });

  // We accept the connections ourselves and hand them in: that is grpc-js's public way to reach the socket of a call,
  // which is needed to cut it.
  const injector = server.createConnectionInjector(credentials(tls));
  const listener = net.createServer((connection) => {
    const peer = `${connection.remoteAddress}:${connection.remotePort}`;
    connections.set(peer, connection);
    connection.on("close", () => connections.delete(peer));
    connection.on("error", () => {}); // a client that resets is no news here
    injector.injectConnection(connection);
  });
  listener.listen(0, "127.0.0.1", () => console.log(`port ${listener.address().port}`));
}

const input = readline.createInterface({ input: process.stdin });
input.once("line", (line) => {
  const order = JSON.parse(line);
  serve(order.facts, order.tls);
});
input.once("close", () => process.exit(0));
