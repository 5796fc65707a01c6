//! The DataFusion session in which stages and queries are planned and run.

use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::catalog::{
    CatalogProvider as _, CatalogProviderList as _, MemoryCatalogProvider,
    MemoryCatalogProviderList, MemorySchemaProvider,
};
use datafusion::config::ConfigOptions;
use datafusion::execution::context::{SessionConfig, SessionContext};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::optimizer::{Optimizer, OptimizerRule};
use tokio::runtime::Runtime;

use crate::functions;
use crate::{Resources, SqlError};

/// The most rows in a batch of documents. The engine's operators bound batches by rows alone, and a
/// row is a whole document, so the number is small.
pub const BATCH_ROWS_MAX: usize = 512;

/// How many memory consumers a message about too little memory names: three.
const CONSUMERS_NAMED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(2);

/// Optimizer rules that may copy an expression below another operator and so run it twice:
/// filters inlined through projections (datafusion#17599) and field accesses pulled out as separate
/// projections (datafusion#25329). A stage gains nothing from them, since its input is a stream.
const RULES_THAT_COPY_EXPRESSIONS: [&str; 3] =
    ["push_down_filter", "extract_leaf_expressions", "push_down_leaf_projections"];

/// The settings and functions that all stages of a run share.
#[derive(Clone)]
pub struct Session {
    state: SessionState,
}

impl Session {
    /// A session with gristmill's functions, whose operators share `memory_bytes` of memory.
    ///
    /// # Errors
    /// The engine cannot be set up.
    pub fn new(memory_bytes: usize, resources: &Resources) -> Result<Self, SqlError> {
        let pool = TrackConsumersPool::new(FairSpillPool::new(memory_bytes), CONSUMERS_NAMED);
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(pool)).build()?;
        Self::with_runtime(Arc::new(runtime), resources)
    }

    fn with_runtime(runtime: Arc<RuntimeEnv>, resources: &Resources) -> Result<Self, SqlError> {
        let rules: Vec<Arc<dyn OptimizerRule + Send + Sync>> = Optimizer::new()
            .rules
            .into_iter()
            .filter(|rule| !RULES_THAT_COPY_EXPRESSIONS.contains(&rule.name()))
            .collect();
        let mut state = SessionStateBuilder::new()
            .with_config(config())
            .with_runtime_env(runtime)
            .with_default_features()
            .with_optimizer_rules(rules)
            .build();
        functions::register(&mut state, resources)?;
        Ok(Self { state })
    }

    /// A context with a catalog of its own and no tables. Contexts made from one state would share
    /// their tables.
    pub(crate) fn context(&self) -> Result<SessionContext, SqlError> {
        let options = &self.state.config_options().catalog;
        let catalog = MemoryCatalogProvider::new();
        catalog.register_schema(&options.default_schema, Arc::new(MemorySchemaProvider::new()))?;
        let catalogs = MemoryCatalogProviderList::new();
        catalogs.register_catalog(options.default_catalog.clone(), Arc::new(catalog));
        let fresh = SessionStateBuilder::new_from_existing(self.state.clone())
            .with_catalog_list(Arc::new(catalogs))
            .build();
        Ok(SessionContext::new_with_state(fresh))
    }

    /// Adds a function, such as one that counts its calls.
    #[cfg(test)]
    pub(crate) fn register(
        &mut self,
        function: datafusion::logical_expr::ScalarUDF,
    ) -> Result<(), SqlError> {
        use datafusion::execution::FunctionRegistry as _;
        self.state.register_udf(Arc::new(function))?;
        Ok(())
    }
}

/// One partition, since a part is one stream in document order. Parts run in parallel instead.
fn config() -> SessionConfig {
    let mut options = ConfigOptions::new();
    options.execution.collect_statistics = false;
    options.sql_parser.collect_spans = true;
    // Text columns keep the types with which they were written.
    options.sql_parser.map_string_types_to_utf8view = false;
    options.execution.parquet.schema_force_view_types = false;
    options.optimizer.enable_dynamic_filter_pushdown = false;
    SessionConfig::from(options)
        .with_target_partitions(1)
        .with_batch_size(BATCH_ROWS_MAX)
        .with_create_default_catalog_and_schema(true)
}

/// A runtime on the calling thread; the engine needs one even where it only computes.
pub(crate) fn runtime() -> Result<Runtime, SqlError> {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| SqlError::Failed(format!("the async runtime cannot start: {error}")))
}

/// Runs a future on the calling thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> Result<T, SqlError> {
    Ok(runtime()?.block_on(future))
}
