// Sends a file with tus-js-client in parallel pieces; prints the address of its upload.
import { readFileSync } from "node:fs";
import { Upload } from "tus-js-client";

const { url, token, file, pieces } = JSON.parse(process.argv[2]);
const upload = new Upload(readFileSync(file), {
  endpoint: `${url}/api/uploads/`,
  headers: { Authorization: `Bearer ${token}` },
  metadata: { filename: "parallel.tif", collection: "parallel" },
  parallelUploads: pieces,
  chunkSize: 1024 * 1024,
  onError: (error) => {
    console.error(`${error}`);
    process.exit(1);
  },
  onSuccess: () => console.log(upload.url),
});
upload.start();
