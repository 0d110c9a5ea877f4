use mp_core::Error;
use mp_location::Point;
use serde::Deserialize;

/// The real places around the market: GeoNames (geonames.org), CC BY 4.0.
const PLACES: &str = include_str!("places.csv");

/// A real place: where a stall stands, or where a visitor comes from.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    pub(crate) name: String,
    pub(crate) point: Point,
}

#[derive(Deserialize)]
struct Row {
    name: String,
    latitude: f64,
    longitude: f64,
}

/// Reads the places in the order of the file.
pub(crate) fn spots() -> Result<Vec<Spot>, Error> {
    csv::Reader::from_reader(PLACES.as_bytes())
        .deserialize()
        .map(spot)
        .collect()
}

fn spot(row: Result<Row, csv::Error>) -> Result<Spot, Error> {
    let row =
        row.map_err(|error| Error::invalid("places.csv", "does not read").with_source(error))?;
    let point = Point::new(row.latitude, row.longitude)?;
    Ok(Spot {
        name: row.name,
        point,
    })
}
