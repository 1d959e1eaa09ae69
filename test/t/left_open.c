/* Functions that leave a subtransaction open, as a failure of memory at the wrong moment does. */

#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

PG_MODULE_MAGIC;

static void
open_subtransaction(void)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
}

PG_FUNCTION_INFO_V1(leave_open);
Datum
leave_open(PG_FUNCTION_ARGS)
{
	open_subtransaction();
	PG_RETURN_NULL();
}

PG_FUNCTION_INFO_V1(fail_open);
Datum
fail_open(PG_FUNCTION_ARGS)
{
	open_subtransaction();
	ereport(ERROR, (errmsg("failed within a subtransaction")));
	PG_RETURN_NULL();
}
