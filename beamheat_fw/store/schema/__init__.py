"""What the database looks like: versions, migrations, validators, indexes and their reference."""
