// Bundles the page into gql/static, which is committed, so that only who changes the page needs node.
//
//     npm ci && npm run build             # writes ../gql/static
//     npm ci && npm run build -- DIR      # writes DIR: to compare with what is committed
//
// The same sources and lock file give the same bytes.

import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const outdir = resolve(process.argv[2] ?? join(here, "../gql/static"));

// Packages published without their licence, and one by the same authors under the same licence which has it.
const LICENCE_IS_WITH = {
  "@graphiql/plugin-doc-explorer": "graphiql",
  "@graphiql/plugin-history": "graphiql",
  "react-compiler-runtime": "react",
  "react-remove-scroll-bar": "react-remove-scroll",
  "toggle-selection": "copy-to-clipboard",
};

// 330 kB of Roboto and Fira Code, each under a licence of its own; graphiql.css names system fonts instead.
const withoutEmbeddedFonts = {
  name: "without-embedded-fonts",
  setup({ onLoad }) {
    onLoad({ filter: /node_modules.*\.css$/ }, async ({ path }) => {
      const css = await readFile(path, "utf8");
      return { contents: css.replace(/@font-face\s*\{[^}]*\}\s*/g, ""), loader: "css" };
    });
  },
};

const SEE_LICENCES = "/* Built by web/build.mjs. Licences of what is in here: graphiql.LICENSES.txt */";

async function bundle() {
  return build({
    absWorkingDir: here,
    entryPoints: ["graphiql.jsx"],
    outdir,
    write: false,
    metafile: true,
    bundle: true,
    minify: true,
    keepNames: true, // GraphiQL makes its icons' titles out of its components' names
    format: "iife",
    target: "es2022",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"production"' },
    charset: "utf8",
    legalComments: "external",
    banner: { js: SEE_LICENCES, css: SEE_LICENCES },
    plugins: [withoutEmbeddedFonts],
  });
}

// The folder of each package of which some bytes are in the bundle, in order of name.
function bundledPackages(metafile) {
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const folders = inputs
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([path]) => path.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0])
    .filter(Boolean);
  return [...new Set(folders)].sort();
}

async function licenceOf(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(here, folder, "package.json"), "utf8"));
  const text = (await licenceText(folder)) || (await licenceText(`node_modules/${LICENCE_IS_WITH[name]}`));
  if (!text) {
    throw new Error(`${name} ${version} (${license}) ships no licence text: add a sibling's to LICENCE_IS_WITH`);
  }
  return section(`${name} ${version} (${license})`, text);
}

async function licenceText(folder) {
  if (!existsSync(join(here, folder))) return "";
  const files = (await readdir(join(here, folder))).filter((file) => /^(licen[cs]e|notice)/i.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(here, folder, file), "utf8")));
  return texts.join("\n\n");
}

function section(title, text) {
  return `${"=".repeat(80)}\n${title}\n${"=".repeat(80)}\n\n${text.replaceAll("\r\n", "\n").trim()}\n`;
}

async function licences(metafile, legalComments) {
  const ofPackages = await Promise.all(bundledPackages(metafile).map(licenceOf));
  const head = "graphiql.js and graphiql.css contain the packages below, each under its own licence.\n";
  return [head, ...ofPackages, section("Notices in the bundled files themselves", legalComments)].join("\n");
}

const { outputFiles, metafile } = await bundle();
const isNotice = ({ path }) => path.endsWith(".LEGAL.txt");
const notices = outputFiles.filter(isNotice).map(({ text }) => text).join("\n");

await mkdir(outdir, { recursive: true });
await writeFile(join(outdir, "graphiql.LICENSES.txt"), await licences(metafile, notices));
await copyFile(join(here, "graphiql.html"), join(outdir, "graphiql.html"));
for (const { path, contents } of outputFiles.filter((file) => !isNotice(file))) {
  await writeFile(join(outdir, basename(path)), contents);
}
