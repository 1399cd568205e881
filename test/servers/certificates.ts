import { generate } from "selfsigned";

/** Key and its certificate, as PEM. */
export interface Certified {
  readonly key: string;
  readonly cert: string;
}

const DAY = 24 * 3600 * 1000;

/** Creates a certificate authority for one test. */
export async function authority(name: string): Promise<Certified> {
  return certified(name, {
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, critical: true },
    ],
  });
}

/** Creates a server's certificate for an IP address. It is valid until tomorrow, or expired yesterday. */
export async function serverCertificate(
  ca: Certified,
  { ip = "127.0.0.1", expired = false }: { ip?: string; expired?: boolean } = {},
): Promise<Certified> {
  return certified("A server", {
    ca,
    notBeforeDate: new Date(Date.now() - 2 * DAY),
    notAfterDate: new Date(Date.now() + (expired ? -DAY : DAY)),
    extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip }] }],
  });
}

async function certified(name: string, options: Parameters<typeof generate>[1]): Promise<Certified> {
  const attributes = [{ name: "commonName", value: name }];
  const { private: key, cert } = await generate(attributes, { keyType: "ec", algorithm: "sha256", ...options });
  return { key, cert };
}
