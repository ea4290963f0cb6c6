import { randomBytes } from "node:crypto";
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import {
  AlgorithmSuiteIdentifier,
  buildClient,
  CommitmentPolicy,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} from "@aws-crypto/client-node";
import type { Peer, Sink } from "./peer.js";

const KIB = 1024;

/** As it comes, but unsigned: a signature is more than we do. */
export const awsDefaultFrames: Peer = peerOf("AWS Encryption SDK, 4 KiB frames", 4 * KIB);

/** The fastest that streams in JavaScript: frames of 1 MiB, unsigned. */
export const awsLargeFrames: Peer = peerOf("AWS Encryption SDK, 1 MiB frames", 1024 * KIB);

function peerOf(name: string, frameLength: number): Peer {
  return {
    name,
    target: 1.5,
    async prepare() {
      const { encryptStream, decryptUnsignedMessageStream } = buildClient(
        CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT,
      );
      const keyring = new RawAesKeyringNode({
        keyName: "bench",
        keyNamespace: "bench",
        unencryptedMasterKey: new Uint8Array(randomBytes(32)),
        wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
      });
      const suiteId = AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY;
      return {
        seal: (pieces, sink) =>
          pipeline(readableOf(pieces), encryptStream(keyring, { suiteId, frameLength }), writableTo(sink)),
        open: (sealed, sink) =>
          pipeline(readableOf(sealed), decryptUnsignedMessageStream(keyring), writableTo(sink)),
      };
    },
  };
}

/** Streams of Node's own kind, since those are what it transforms. */
function readableOf(pieces: readonly Uint8Array[]): Readable {
  let index = 0;
  return new Readable({
    read() {
      this.push(pieces[index++] ?? null);
    },
  });
}

function writableTo(sink: Sink): Writable {
  return new Writable({
    write(piece: Uint8Array, _encoding, done) {
      sink(piece);
      done();
    },
  });
}
