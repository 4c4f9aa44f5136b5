
/* Appended to CPython's Objects/obmalloc.c by build/python_patches.py, because it needs what is private there. */

static void wipe_and_free(void *ctx, void *p)
{
    poolp pool = POOL_ADDR(p);
    if (p && address_in_range(p, pool))
        memset(p, 0, INDEX2SIZE(pool->szidx));
    _PyObject_Free(ctx, p);
}

static void *wipe_and_realloc(void *ctx, void *p, size_t size)
{
    if (!p || !address_in_range(p, POOL_ADDR(p)))
        return _PyObject_Realloc(ctx, p, size);
    size_t old = INDEX2SIZE(POOL_ADDR(p)->szidx);
    void *moved = _PyObject_Malloc(ctx, size);
    if (moved) {
        memcpy(moved, p, size < old ? size : old);
        wipe_and_free(ctx, p);
    }
    return moved;
}

/* Called before CPython starts, when a snapshot is to be made: what is freed is zeroed, because it may differ from build to build,
 * and part of it would stay in the block's next use. */
void _PyObject_WipeFreed(void)
{
    _PyMem.free = _PyObject.free = wipe_and_free;
    _PyMem.realloc = _PyObject.realloc = wipe_and_realloc;
}

/* Empties the lists of free memory in an arena. Their order is that in which the memory was freed, which a rehearsal on a busy
 * machine may change: a call that has to wait frees more. */
static void forget_free_blocks(struct arena_object *arena)
{
    uintptr_t first = (arena->address + POOL_SIZE_MASK) & ~(uintptr_t)POOL_SIZE_MASK;
    for (uintptr_t at = first; arena->address && at < (uintptr_t)arena->pool_address; at += POOL_SIZE) {
        poolp pool = (poolp)at;
        for (block *next, *freed = pool->freeblock; freed; freed = next) {
            next = *(block **)freed;
            *(block **)freed = NULL;
        }
        pool->freeblock = NULL;
        pool->nextpool = pool->prevpool = NULL;
    }
}

/* Called just before the snapshot is taken. From then on no small object is allocated in the arenas there are, so new objects lie
 * side by side in new pages, instead of in gaps on many pages of the executable, each of which would have to be copied. */
void _PyObject_CloseArenas(void)
{
    _PyMem.free = _PyObject.free = _PyObject_Free;
    _PyMem.realloc = _PyObject.realloc = _PyObject_Realloc;
    for (uint i = 0; i < maxarenas; i++) {
        forget_free_blocks(&arenas[i]);
        arenas[i].freepools = NULL;
        arenas[i].nfreepools = 0;
        if (arenas[i].address)
            arenas[i].nextarena = arenas[i].prevarena = NULL;
    }
    /* An empty list of pools is its own next and previous element; usedpools says why it begins before its place. */
    for (uint size = 0; size < NB_SMALL_SIZE_CLASSES; size++)
        usedpools[2 * size] = usedpools[2 * size + 1] = (poolp)((block *)&usedpools[2 * size] - 2 * sizeof(block *));
    usable_arenas = NULL;
    memset(nfp2lasta, 0, sizeof nfp2lasta);
}
