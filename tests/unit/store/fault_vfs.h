/* A layer of SQLite's file system whose writes and syncs fail on demand. Everything else goes to
 * the real one. It becomes the process's default, so that the store itself needs no hook for tests.
 */
#pragma once

#include "base/base.h"

#include <sqlite3.h>
#include <stdatomic.h>

enum fault { FAULT_NONE, FAULT_WRITE, FAULT_SYNC, FAULT_FULL };

/* Operations are counted from 1 on since fault_arm; number `at` fails, and with `lasting` all after
 * it do. */
static struct {
    _Atomic int fault;
    _Atomic int at, count, fired;
    _Atomic bool lasting;
} faults;

static inline void fault_arm(enum fault fault, int at, bool lasting)
{
    faults.fault = FAULT_NONE;
    faults.at = at;
    faults.lasting = lasting;
    faults.count = faults.fired = 0;
    faults.fault = (int)fault;
}

/* How many operations failed. */
static inline int fault_disarm(void)
{
    faults.fault = FAULT_NONE;
    return faults.fired;
}

static inline bool fault_hits(bool of_this_kind)
{
    if (!of_this_kind)
        return false;
    int n = atomic_fetch_add(&faults.count, 1) + 1;
    bool hit = n == faults.at || (n > faults.at && faults.lasting);
    if (hit)
        atomic_fetch_add(&faults.fired, 1);
    return hit;
}

struct fault_file {
    sqlite3_file base;
    sqlite3_file *real; /* right behind this struct */
};

#define REAL(f)              (((struct fault_file *)(f))->real)
#define CALL(f, method, ...) (REAL(f)->pMethods->method(REAL(f), ##__VA_ARGS__))

static int fault_close(sqlite3_file *f)
{
    return CALL(f, xClose);
}

static int fault_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
    return CALL(f, xRead, to, n, at);
}

static int fault_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
    if (fault_hits(faults.fault == FAULT_FULL))
        return SQLITE_FULL;
    if (fault_hits(faults.fault == FAULT_WRITE)) {
        (void)CALL(f, xWrite, from, n / 2, at); /* torn: half of it is there */
        return SQLITE_IOERR_WRITE;
    }
    return CALL(f, xWrite, from, n, at);
}

static int fault_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return CALL(f, xTruncate, size);
}

/* Nothing is synced in truth: no test here cuts the power, and real syncs take all the time. */
static int fault_sync(sqlite3_file *f, int flags)
{
    return fault_hits(faults.fault == FAULT_SYNC) ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int fault_file_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return CALL(f, xFileSize, size);
}

static int fault_lock(sqlite3_file *f, int level)
{
    return CALL(f, xLock, level);
}

static int fault_unlock(sqlite3_file *f, int level)
{
    return CALL(f, xUnlock, level);
}

static int fault_check_lock(sqlite3_file *f, int *ret)
{
    return CALL(f, xCheckReservedLock, ret);
}

static int fault_control(sqlite3_file *f, int op, void *arg)
{
    return CALL(f, xFileControl, op, arg);
}

static int fault_sector(sqlite3_file *f)
{
    return CALL(f, xSectorSize);
}

static int fault_device(sqlite3_file *f)
{
    return CALL(f, xDeviceCharacteristics);
}

static int fault_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
    return CALL(f, xShmMap, page, size, extend, ret);
}

static int fault_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return CALL(f, xShmLock, offset, n, flags);
}

static void fault_shm_barrier(sqlite3_file *f)
{
    CALL(f, xShmBarrier);
}

static int fault_shm_unmap(sqlite3_file *f, int drop)
{
    return CALL(f, xShmUnmap, drop);
}

static const sqlite3_io_methods fault_methods = {
    .iVersion = 2,
    .xClose = fault_close,
    .xRead = fault_read,
    .xWrite = fault_write,
    .xTruncate = fault_truncate,
    .xSync = fault_sync,
    .xFileSize = fault_file_size,
    .xLock = fault_lock,
    .xUnlock = fault_unlock,
    .xCheckReservedLock = fault_check_lock,
    .xFileControl = fault_control,
    .xSectorSize = fault_sector,
    .xDeviceCharacteristics = fault_device,
    .xShmMap = fault_shm_map,
    .xShmLock = fault_shm_lock,
    .xShmBarrier = fault_shm_barrier,
    .xShmUnmap = fault_shm_unmap,
};

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
    sqlite3_vfs *real = vfs->pAppData;
    REAL(f) = (sqlite3_file *)((char *)f + sizeof(struct fault_file));
    int code = real->xOpen(real, name, REAL(f), flags, out);
    f->pMethods = REAL(f)->pMethods ? &fault_methods : NULL;
    return code;
}

static inline void fault_vfs_register(void)
{
    static sqlite3_vfs vfs;
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    vfs = *real;
    vfs.szOsFile += (int)sizeof(struct fault_file);
    vfs.zName = "fault";
    vfs.pAppData = real;
    vfs.xOpen = fault_open;
    sqlite3_vfs_register(&vfs, 1);
}
