// The documentation speaks of what there is: its links lead somewhere, and the files that it names exist.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const list = (folder, end) => readdirSync(path.join(root, folder)).filter((name) => name.endsWith(end));
const read = (page) => readFileSync(path.join(root, page), 'utf8');
const pages = ['', 'docs', 'docs/modules'].flatMap((folder) =>
  list(folder, '.md').map((name) => path.join(folder, name)));

// What a heading is called in an address.
const anchors = (page) => [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
  heading.toLowerCase().replace(/[^\p{L}\p{N}_\- ]/gu, '').replaceAll(' ', '-'));

test('every link leads somewhere', () => {
  let links = 0;
  for (const page of pages) {
    for (const [, to, anchor] of read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)/g)) {
      const target = to ? path.join(path.dirname(page), to) : page;
      assert.ok(existsSync(path.join(root, target)), `${page} links to ${to}`);
      if (anchor) assert.ok(anchors(target).includes(anchor), `${page} links to ${to}#${anchor}`);
      links++;
    }
  }
  assert.ok(links > 50);
});

test('every page is in the index', () => {
  for (const name of list('docs', '.md').filter((n) => n !== 'README.md'))
    assert.ok(read('docs/README.md').includes(`(${name})`), name);
});

test('a folder of src/ has its page, which names files that are there', () => {
  const folders = readdirSync(path.join(root, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const sources = new Set(['src', 'tests/unit'].flatMap((top) => folders.flatMap((folder) => {
    const from = path.join(root, top, folder);
    return existsSync(from) ? readdirSync(from) : [];
  })).concat(list('tests/fuzz', '.c')));
  for (const folder of folders) {
    const named = read(`docs/modules/${folder}.md`).matchAll(/`(\w+\.[ch])`/g);
    for (const [, name] of named)
      assert.ok(sources.has(name), `docs/modules/${folder}.md names ${name}`);
  }
});
