import { createServer } from "node:net";

/**
 * Writes one ready answer for each piece of input, without reading what it says: nearly all that is left is the generator's
 * own work, so what it reaches here is its limit. Good for clients with one request at a time on a connection.
 */
const body = JSON.stringify({ address: "x".repeat(40), balance: 123_456_789, timestamp: 1_700_000_000 });
const answer = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
createServer({ noDelay: true }, (socket) => {
  socket.on("data", () => socket.write(answer));
  socket.on("error", () => socket.destroy());
}).listen(Number(process.env.PORT), "127.0.0.1");
