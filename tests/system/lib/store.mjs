// What tests do to a store, whichever engine it is of: make it fail, and look whether it is sound.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { storeKind, storeSql, storeUrl } from './hudhud.mjs';
import { dump } from './postgres.mjs';
import { eventually } from './world.mjs';

// After kill -9. SQLite: its file is whole, and no row refers to one that is not there. PostgreSQL sees
// to both itself: there what the dead server had begun must have come to its end.
export async function assertSound(data) {
  if (storeKind === 'sqlite') {
    assert.equal(storeSql(data, 'PRAGMA integrity_check; PRAGMA foreign_key_check;'), 'ok');
    return;
  }
  const others = `SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()`;
  await eventually(() => storeSql(data, others) === '0', { what: 'the end of every connection' });
}

// Everything that the store of a stopped server holds, as text in which a secret would be read.
export function storeText(data) {
  if (storeKind === 'postgres') return dump(storeUrl(data));
  return readFileSync(path.join(data, 'hudhud.db'), 'latin1');
}

const limitFiles = (server, size) =>
  execFileSync('prlimit', ['--pid', String(server.pid), `--fsize=${size}:unlimited`]);

// From now on a running server's store takes no write, as when its disk is full; reading goes on.
// SQLite: the file-size limit of the server stands for the disk, beyond it no byte is written.
// PostgreSQL: each write meets the error that a full disk gives.
export function fillDisk({ server, data }) {
  if (storeKind === 'sqlite') limitFiles(server, 4096);
  else {
    storeSql(data, `
      CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END $$;
      DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
          EXECUTE format('CREATE TRIGGER disk_full BEFORE INSERT OR UPDATE OR DELETE ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION disk_full()', name);
        END LOOP; END $$;`);
  }
}

export function freeDisk({ server, data }) {
  if (storeKind === 'sqlite') limitFiles(server, 'unlimited');
  else storeSql(data, 'DROP FUNCTION disk_full() CASCADE;');
}

// Makes a store that is none of hudhud's out of a stopped server's.
export function spoilStore(data) {
  if (storeKind === 'postgres') storeSql(data, 'DROP TABLE schema_version;');
  else writeFileSync(path.join(data, 'hudhud.db'), 'this is no database, and long enough to show');
}
