
/* Appended to CPython's Objects/obmalloc.c by build/python_patches.py, because it needs what is private there.
 *
 * Called just before the snapshot is taken. From then on no small object is allocated in the snapshot's arenas, so new objects lie
 * side by side in new pages, instead of in gaps on many pages of the executable, each of which would have to be copied. Free
 * memory is zeroed: what it held may differ from build to build, and a run never reads it. */
void _PyObject_CloseArenas(void)
{
    for (uint i = 0; i < maxarenas; i++) {
        struct arena_object *arena = &arenas[i];
        if (!arena->address)
            continue;
        for (poolp pool = arena->freepools, next; pool; pool = next) {
            next = pool->nextpool;
            memset(pool, 0, POOL_SIZE);
        }
        for (block *at = (block *)_Py_ALIGN_UP(arena->address, POOL_SIZE); at < arena->pool_address; at += POOL_SIZE) {
            poolp pool = (poolp)at;
            if (!pool->ref.count)
                continue;
            for (block *freed = pool->freeblock, *next; freed; freed = next) {
                next = *(block **)freed;
                memset(freed, 0, INDEX2SIZE(pool->szidx));
            }
            memset(at + pool->nextoffset, 0, POOL_SIZE - pool->nextoffset);
            pool->freeblock = NULL;
        }
        arena->freepools = NULL;
        arena->nfreepools = 0;
        arena->nextarena = arena->prevarena = NULL;
    }
    /* An empty list of pools is its own next and previous element; usedpools says why it begins before its place. */
    for (uint size = 0; size < NB_SMALL_SIZE_CLASSES; size++)
        usedpools[2 * size] = usedpools[2 * size + 1] = (poolp)((block *)&usedpools[2 * size] - 2 * sizeof(block *));
    usable_arenas = NULL;
    memset(nfp2lasta, 0, sizeof nfp2lasta);
}
